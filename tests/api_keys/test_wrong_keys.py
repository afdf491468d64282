"""The limit of wrong keys from one address, which does not affect valid keys."""

from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.settings import load
from app.web import rate_limit
from app.web.service import service_of
from tests.conftest import FreshStore, StartServer

HERE, ELSEWHERE = "203.0.113.7", "198.51.100.1"


@pytest.fixture
def app(tmp_path: Path, fresh_store: FreshStore) -> Flask:
    fresh_store.copy_to(tmp_path / "data")
    environ = {"CONTACTS_WRONG_KEY_LIMIT": "5", "CONTACTS_TRUSTED_PROXIES": "10.0.0.0/8"}
    return create_app(load(environ, data=tmp_path / "data"), prepared=True)


def ask(client: FlaskClient, key: str = "ak_live_wrong", peer: str = HERE, **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {key}"} if key else {}
    return client.get(
        "/v1/status",
        headers={**sent, **{name.replace("_", "-"): text for name, text in headers.items()}},
        environ_overrides={"REMOTE_ADDR": peer},
    )


def test_wrong_keys_of_an_address_are_limited(anonymous: FlaskClient, key: str) -> None:
    assert [ask(anonymous, f"wrong-{number}").status_code for number in range(5)] == [401] * 5
    refused = ask(anonymous)
    assert refused.status_code == 429
    assert refused.json["error"]["code"] == "rate_limit_exceeded"
    assert refused.headers["Retry-After"] == str(refused.json["error"]["retry_after_seconds"])
    assert 50 < int(refused.headers["Retry-After"]) <= 60
    assert "X-RateLimit-Limit" not in refused.headers
    # A valid key works from the same address, also while wrong ones are rejected.
    for _ in range(10):
        assert ask(anonymous, key).status_code == 200
        assert ask(anonymous).status_code == 429
    assert ask(anonymous, peer=ELSEWHERE).status_code == 401


def test_a_request_without_a_key_is_not_counted_as_wrong(anonymous: FlaskClient) -> None:
    assert {ask(anonymous, "").status_code for _ in range(10)} == {401}
    assert ask(anonymous).status_code == 401


def test_accepts_wrong_keys_again_after_the_window(
    anonymous: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = rate_limit.clock.monotonic_ns()
    for _ in range(6):
        ask(anonymous)
    monkeypatch.setattr(rate_limit.clock, "monotonic_ns", lambda: start + rate_limit.WINDOW - 10**9)
    assert ask(anonymous).status_code == 429
    monkeypatch.setattr(rate_limit.clock, "monotonic_ns", lambda: start + 2 * rate_limit.WINDOW)
    assert ask(anonymous).status_code == 401


def test_distinguishes_the_clients_of_a_trusted_proxy(anonymous: FlaskClient, key: str) -> None:
    proxy = "10.1.2.3"
    for _ in range(6):
        ask(anonymous, peer=proxy, X_Forwarded_For=HERE)
    assert ask(anonymous, peer=proxy, X_Forwarded_For=HERE).status_code == 429
    assert ask(anonymous, peer=proxy, X_Forwarded_For=ELSEWHERE).status_code == 401
    assert ask(anonymous, key, peer=proxy, X_Forwarded_For=HERE).status_code == 200


def test_ignores_forwarded_addresses_of_untrusted_clients(anonymous: FlaskClient) -> None:
    found = [ask(anonymous, X_Forwarded_For=f"192.0.2.{n}").status_code for n in range(6)]
    assert found == [401] * 5 + [429]


def test_many_addresses_share_at_most_256_files(app: Flask, anonymous: FlaskClient) -> None:
    for number in range(1_000):
        ask(anonymous, peer=f"203.0.{number // 250}.{number % 250}")
    assert len(list((service_of(app).settings.data / "rate-limits").iterdir())) <= 256


def test_a_damaged_file_disables_the_limit_and_logs_a_warning(
    app: Flask, anonymous: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    ask(anonymous)
    [path] = (service_of(app).settings.data / "rate-limits").iterdir()
    path.write_bytes(b"damaged")
    assert {ask(anonymous).status_code for _ in range(10)} == {401}
    assert "not limited" in caplog.text


def test_0_means_no_limit(tmp_path: Path) -> None:
    settings = load({"CONTACTS_WRONG_KEY_LIMIT": "0"}, data=tmp_path / "other")
    client = create_app(settings).test_client()
    assert {ask(client).status_code for _ in range(400)} == {401}


def test_the_limit_is_exact_over_workers(start_server: StartServer) -> None:
    server = start_server(environ={"CONTACTS_WRONG_KEY_LIMIT": "20"})
    wrong = {"Authorization": "Bearer ak_live_wrong", "Connection": "close"}

    def status() -> int:
        return requests.get(f"{server.url}/v1/status", headers=wrong, timeout=20).status_code

    assert sorted(status() for _ in range(40)) == [401] * 20 + [429] * 20
    assert server.get("/v1/status").status_code == 200
