"""Twins: numbers that may be the same person, in upserts and batches; and look-ups of numbers."""

from typing import Any

import pytest
from flask.testing import FlaskClient

WITH, WITHOUT = "5511987654321", "551187654321"
PRIYA = "918856879188"


def post(client: FlaskClient, phone: str, query: str = "", **body: Any) -> Any:
    return client.post(f"/v1/contacts{query}", json={"phone": phone, **body}).json


def batch(client: FlaskClient, query: str, *rows: dict[str, Any]) -> Any:
    return client.post(f"/v1/contacts/batch{query}", json={"contacts": rows}).json["results"]


def lookup(client: FlaskClient, *phones: object) -> Any:
    return client.post("/v1/contacts/lookup", json={"phones": phones}).json["results"]


@pytest.mark.parametrize(("first", "second"), [(WITH, WITHOUT), (WITHOUT, WITH)])
def test_creating_names_stored_twins(client: FlaskClient, first: str, second: str) -> None:
    assert post(client, first)["twins"] == []
    assert post(client, second, "?dry_run=true")["twins"] == [f"cnt_{first}"]
    assert post(client, second)["twins"] == [f"cnt_{first}"]
    assert "twins" not in post(client, second, first_name="Bia")
    assert post(client, PRIYA)["twins"] == []


def test_a_merged_twin_is_the_contact_that_took_it_over(client: FlaskClient) -> None:
    post(client, WITH), post(client, PRIYA)
    client.post(f"/v1/contacts/{PRIYA}/merge", json={"from": WITH})
    assert post(client, WITHOUT)["twins"] == [f"cnt_{PRIYA}"]


def test_matching_updates_the_twin(client: FlaskClient) -> None:
    post(client, WITH, tags=["old"])
    planned = post(client, WITHOUT, "?match_twins=true&dry_run=true", first_name="Bia")
    answer = post(client, WITHOUT, "?match_twins=true", first_name="Bia")
    now = {"updated_at": answer["contact"]["updated_at"]}
    assert planned["contact"] | now == answer["contact"]
    assert (answer["created"], answer["changed"]) == (False, ["first_name"])
    assert (answer["contact"]["phone"], answer["contact"]["tags"]) == (WITH, ["old"])
    assert client.get(f"/v1/contacts/{WITHOUT}").status_code == 404


def test_the_number_itself_takes_precedence_over_its_twin(client: FlaskClient) -> None:
    post(client, WITH), post(client, WITHOUT)
    answer = post(client, WITHOUT, "?match_twins=true", first_name="Bia")
    assert answer["contact"]["phone"] == WITHOUT
    assert post(client, PRIYA, "?match_twins=true")["created"] is True


def test_a_batch_names_and_matches_twins(client: FlaskClient) -> None:
    rows = [{"phone": PRIYA}, {"phone": WITH}, {"phone": WITHOUT, "first_name": "Bia"}]
    expected = ["created", "created", "updated"]
    for query in ("?match_twins=true&dry_run=true", "?match_twins=true"):
        results = batch(client, query, *rows)
        assert [each["status"] for each in results] == expected
        assert results[2]["id"] == f"cnt_{WITH}"
    [again] = batch(client, "", {"phone": WITHOUT})
    assert again == {
        "index": 0,
        "status": "created",
        "id": f"cnt_{WITHOUT}",
        "twins": [f"cnt_{WITH}"],
    }
    [unchanged] = batch(client, "?match_twins=true", {"phone": WITH})
    assert unchanged == {"index": 0, "status": "unchanged", "id": f"cnt_{WITH}"}


def test_looks_up_each_number_for_itself(client: FlaskClient) -> None:
    post(client, PRIYA), post(client, WITH)
    client.post(f"/v1/contacts/{PRIYA}/merge", json={"from": WITH})
    results = lookup(client, "+91 88568-79188", WITH, "12", WITHOUT, 918856879188, None, PRIYA)
    assert [(each["phone"], each["id"]) for each in results] == [
        (PRIYA, f"cnt_{PRIYA}"),
        (WITH, f"cnt_{PRIYA}"),
        (None, None),
        (WITHOUT, None),
        (None, None),
        (None, None),
        (PRIYA, f"cnt_{PRIYA}"),
    ]
    assert [each["input"] for each in results][4:6] == ["918856879188", "null"]
    assert [each["reason"] is None for each in results] == [
        each["phone"] is not None for each in results
    ]
    assert "string" in results[4]["reason"] and "Too short" in results[2]["reason"]


def test_looks_up_texts_that_utf_8_cannot_encode(client: FlaskClient) -> None:
    [broken, next_one] = lookup(client, "\ud800 9", PRIYA)
    assert (broken["input"], broken["phone"]) == ("? 9", None)
    assert next_one["phone"] == PRIYA


def test_looks_up_a_thousand_and_no_more(client: FlaskClient) -> None:
    phones = [f"9188568{number:05}" for number in range(1_001)]
    assert lookup(client) == []
    assert len(lookup(client, *phones[:1_000])) == 1_000
    assert client.post("/v1/contacts/lookup", json={"phones": phones}).status_code == 422
    assert client.post("/v1/contacts/lookup", json={}).status_code == 422
