"""Fixtures: a client of a stand-in."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from contacts_standin import StandIn


class Client(requests.Session):
    """Calls with the key of a stand-in, each over its own connection."""

    def __init__(self, standin: StandIn, key: str = StandIn.key) -> None:
        super().__init__()
        self.url = standin.url
        self.headers.update({"Authorization": f"Bearer {key}", "Connection": "close"})

    def call(self, method: str, path: str, prefer: str = "", **more: Any) -> requests.Response:
        headers = {"Prefer": prefer} if prefer else {}
        return self.request(method, self.url + path, headers=headers, timeout=30, **more)

    def upsert(self, phone: str = "918856879188", prefer: str = "", **more: Any) -> Any:
        return self.call("POST", "/v1/contacts", prefer, json={"phone": phone, **more})

    def total(self) -> int:
        return self.call("GET", "/v1/contacts?limit=1").json()["pagination"]["total"]


@pytest.fixture
def client(contacts_standin: StandIn) -> Iterator[Client]:
    with Client(contacts_standin) as client:
        yield client
