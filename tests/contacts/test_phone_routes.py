"""`GET /v1/phone/{number}`: how a phone number is read."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.contacts.phone import explain, normalise, twins


def ask(client: FlaskClient, phone: str, status: int = 200) -> Any:
    answer: TestResponse = client.get(f"/v1/phone/{phone}")
    assert answer.status_code == status
    return answer.json["phone"] if status == 200 else answer.json["error"]


@pytest.mark.one_engine
def test_explains_each_step(client: FlaskClient) -> None:
    explanation = ask(client, "tel:%2B44 (0) 20-7946 0958")
    assert list(explanation) == [
        *("input", "result", "reason", "steps", "region", "kind", "possible", "valid", "twins")
    ]
    assert explanation["input"] == "tel:+44 (0) 20-7946 0958"
    assert (explanation["result"], explanation["reason"]) == ("442079460958", None)
    assert [step["text"] for step in explanation["steps"]] == [
        *("+44 (0) 20-7946 0958", "+4402079460958", "4402079460958", "442079460958")
    ]
    assert (explanation["region"], explanation["kind"]) == ("GB", "fixed_line")
    assert explanation["possible"] is True
    assert explanation["twins"] == []


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("phone", "reason"),
    [
        ("0171 2345678", "Country code missing"),
        ("+91 88", "Too short"),
        ("12/34 ext. 5", "digits only"),
        ("9" * 65, "at most 64"),
        ("00", "Too short"),
        ("123456789012345@lid", "hidden WhatsApp id"),
        ("918856879188-1426243@g.us", "WhatsApp group"),
    ],
)
def test_explains_why_a_number_is_rejected(client: FlaskClient, phone: str, reason: str) -> None:
    explanation = ask(client, phone)
    assert explanation["result"] is None
    assert reason in explanation["reason"]
    fields = [explanation[name] for name in ("region", "kind", "possible", "twins")]
    assert fields == [None, None, False, []]


@pytest.mark.parametrize("phone", ["5215512345678", "+91 88568 79188", "００４９30 123456"])
def test_the_result_is_the_number_that_a_post_stores(client: FlaskClient, phone: str) -> None:
    stored = client.post("/v1/contacts", json={"phone": phone}).json["contact"]["phone"]
    assert ask(client, phone)["result"] == stored
    assert explain(phone).steps[-1]["text"] == stored == normalise(phone)


@pytest.mark.parametrize(
    ("one", "other"), [("5511987654321", "551187654321"), ("5491123456789", "541123456789")]
)
def test_names_twins_and_whether_they_are_stored(client: FlaskClient, one: str, other: str) -> None:
    assert (twins(one), twins(other)) == ([other], [one])
    assert ask(client, one)["twins"] == [{"phone": other, "exists": False}]
    client.post("/v1/contacts", json={"phone": other})
    assert ask(client, one)["twins"] == [{"phone": other, "exists": True}]
    assert ask(client, other)["twins"] == [{"phone": one, "exists": False}]


def test_other_countries_have_no_twins() -> None:
    landline, american, too_long = "551133334444", "14155552671", "54" + "9" * 12
    assert [twins(each) for each in (landline, american, too_long, "")] == [[], [], [], []]


def test_finds_a_twin_that_was_merged(client: FlaskClient) -> None:
    for phone in ("551187654321", "14155552671"):
        client.post("/v1/contacts", json={"phone": phone})
    client.post("/v1/contacts/14155552671/merge", json={"from": "551187654321"})
    assert ask(client, "5511987654321")["twins"] == [{"phone": "551187654321", "exists": True}]


def test_checks_the_number_by_the_setting_phone_check() -> None:
    assert explain("+1 200 555 0100").result == "12005550100"
    explanation = explain("+1 200 555 0100", "valid")
    assert (explanation.result, explanation.possible, explanation.valid) == (None, True, False)
    assert explanation.reason == "In a range that is not assigned to anyone."


def test_stores_nothing_and_needs_a_key(client: FlaskClient, anonymous: FlaskClient) -> None:
    ask(client, "918856879188")
    assert client.get("/v1/contacts").json["pagination"]["total"] == 0
    assert anonymous.get("/v1/phone/918856879188").status_code == 401
    assert client.get("/v1/phone/918856879188?x=1").status_code == 422
    assert client.get("/v1/phone/").status_code == 404
