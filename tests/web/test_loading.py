"""Reasons for invalid input: what clients sent is shown on one line."""

from typing import Any

import pytest
from flask.testing import FlaskClient

pytestmark = pytest.mark.one_engine

PHONE = "918856879188"


def error_of(client: FlaskClient, **body: Any) -> dict[str, Any]:
    response = client.post("/v1/contacts", json={"phone": PHONE, **body})
    assert response.status_code == 422
    error: dict[str, Any] = response.get_json()["error"]
    return error


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\n", r"\n"),
        ("\r", r"\r"),
        ("\x00", r"\x00"),
        ("\x1b", r"\x1b"),
        ("\x85", r"\x85"),
        ("\u2028", r"\u2028"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_escapes_control_characters_of_a_key(
    client: FlaskClient, character: str, shown: str
) -> None:
    error = error_of(client, custom_fields={f"pl{character}an": []})
    assert error["message"].startswith(f"custom_fields.pl{shown}an: ")
    assert len(error["message"].splitlines()) == 1
    assert list(error["details"]["custom_fields"]) == [f"pl{shown}an"]


def test_escapes_an_unknown_field(client: FlaskClient) -> None:
    error = error_of(client, **{"a\nb": 1})
    assert error["message"].startswith(r"a\nb: ")
    assert len(error["message"].splitlines()) == 1


def test_escapes_names_in_reasons(client: FlaskClient) -> None:
    condition = {"field": "pl\nan", "op": "eq", "value": 1}
    response = client.post("/v1/contacts/search", json={"filter": condition})
    error = response.get_json()["error"]
    assert r"pl\nan" in error["message"]
    assert len(error["message"].splitlines()) == 1


def test_escapes_parameters(client: FlaskClient) -> None:
    for query in ("a%0Ab=1", "limit%0A=1&limit%0A=2", "custom_fields%5Ba%0Ab%5D=1"):
        response = client.get(f"/v1/contacts?{query}")
        assert response.status_code == 422
        assert len(response.get_json()["error"]["message"].splitlines()) == 1


def test_escapes_the_columns_of_a_file(client: FlaskClient) -> None:
    header = 'phone,"Pl\nan","custom_fields.a\nb"\n'
    for query in ("", "?map=Pl%0Aan%3Dphone"):
        response = client.post(
            f"/v1/contacts/import{query}", data=header, headers={"Content-Type": "text/csv"}
        )
        assert response.status_code == 422
        assert len(response.get_json()["error"]["message"].splitlines()) == 1


def test_escapes_the_path_of_an_unknown_route(client: FlaskClient) -> None:
    error = client.get("/v1/a%0Ab").get_json()["error"]
    assert error["message"] == r"No such route: /v1/a\nb"


def test_shortens_long_keys(client: FlaskClient) -> None:
    error = error_of(client, **{"k" * 1_000: 1})
    assert list(error["details"]) == ["k" * 64 + "…"]
