"""`GET /v1/contacts`: pages, oldest first, of all contacts or of one tag."""

from itertools import chain
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest import Subtests

PHONES = [f"9188568791{n:02}" for n in range(25)]


def get(client: FlaskClient, query: str = "") -> dict[str, Any]:
    response = client.get(f"/v1/contacts?{query}")
    assert response.status_code == 200
    body: dict[str, Any] = response.get_json()
    return body


def phones(client: FlaskClient, query: str = "") -> list[str]:
    return [each["phone"] for each in get(client, query)["contacts"]]


def total(client: FlaskClient, **query: Any) -> int:
    body = client.get("/v1/contacts", query_string=query).get_json()
    assert len(body["contacts"]) == body["pagination"]["total"]
    return int(body["pagination"]["total"])


def post(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/contacts", json=body)
    assert answer.status_code in (200, 201)
    contact: dict[str, Any] = answer.get_json()["contact"]
    return contact


@pytest.fixture
def many(client: FlaskClient) -> None:
    """Store 25 contacts; every other one has the tag Even, from the last phone to the first."""
    for number, phone in reversed(list(enumerate(PHONES))):
        post(client, phone=phone, tags=["Even"] if number % 2 == 0 else [])


def test_lists_an_empty_store(client: FlaskClient) -> None:
    nothing = {"total": 0, "limit": 20, "offset": 0}
    for query in ("", "tag=VIP", "include=custom_fields,updated_at"):
        assert get(client, query) == {"success": True, "contacts": [], "pagination": nothing}


def test_shows_the_documented_view_in_order(client: FlaskClient) -> None:
    contact = post(client, phone=PHONES[0], first_name="Priya", tags=["VIP"])
    body = get(client)
    documented = ["id", "phone", "first_name", "last_name", "email", "tags", "created_at"]
    assert list(body) == ["success", "contacts", "pagination"]
    assert list(body["pagination"]) == ["total", "limit", "offset"]
    assert list(body["contacts"][0]) == documented
    assert body["contacts"] == [{name: contact[name] for name in documented}]


@pytest.mark.parametrize(
    ("include", "more"),
    [
        ("custom_fields", ["custom_fields"]),
        ("updated_at", ["updated_at"]),
        ("custom_fields,updated_at", ["custom_fields", "updated_at"]),
        ("updated_at,custom_fields", ["custom_fields", "updated_at"]),
    ],
)
def test_includes_more_on_request(client: FlaskClient, include: str, more: list[str]) -> None:
    created = [
        post(client, phone=PHONES[0], custom_fields={"plan": "pro", "n": 1.0}),
        post(client, phone=PHONES[1]),
    ]
    found = get(client, f"include={include}")["contacts"]
    assert list(found[0])[7:] == list(found[1])[7:] == more
    assert found == [{name: full[name] for name in found[0]} for full in created]


@pytest.mark.usefixtures("many")
def test_lists_oldest_first(client: FlaskClient) -> None:
    assert phones(client, "limit=100") == PHONES[::-1]


@pytest.mark.usefixtures("many")
def test_updates_keep_the_order(client: FlaskClient) -> None:
    for phone in (PHONES[3], PHONES[24], PHONES[0]):
        post(client, phone=phone, first_name="Priya", tags=["Even", "New"])
    assert phones(client, "limit=100") == PHONES[::-1]


@pytest.mark.usefixtures("many")
def test_pages_by_limit_and_offset(client: FlaskClient) -> None:
    oldest_first = PHONES[::-1]
    assert phones(client) == oldest_first[:20]
    assert phones(client, "limit=10&offset=20") == oldest_first[20:]
    assert phones(client, "limit=1&offset=24") == oldest_first[24:]
    assert phones(client, "offset=25") == phones(client, "offset=2147483647") == []
    pages = [phones(client, f"limit=7&offset={n}") for n in range(0, 28, 7)]
    assert list(chain(*pages)) == oldest_first


@pytest.mark.parametrize("tag", [None, "Lead"])
def test_pages_from_either_end(client: FlaskClient, tag: str | None) -> None:
    for number in range(9):
        tags = ["Lead"] if number % 4 else []
        client.post("/v1/contacts", json={"phone": f"9188568791{number:02}", "tags": tags})
    query = {"tag": tag} if tag else {}
    all_ = client.get("/v1/contacts", query_string=query).json["contacts"]
    assert len(all_) == (6 if tag else 9)
    for limit in range(1, 11):
        for offset in range(12):
            page = client.get(
                "/v1/contacts", query_string=query | {"limit": limit, "offset": offset}
            )
            assert page.json["contacts"] == all_[offset : offset + limit]
            assert page.json["pagination"]["total"] == len(all_)


@pytest.mark.usefixtures("many")
def test_pages_through_the_contacts_of_a_tag(client: FlaskClient) -> None:
    even = PHONES[::-2]
    assert phones(client, "tag=Even&limit=5") == even[:5]
    assert phones(client, "tag=Even&limit=5&offset=10") == even[10:]
    assert phones(client, "tag=Even&offset=13") == []


@pytest.mark.usefixtures("many")
def test_total_counts_all_that_match(client: FlaskClient) -> None:
    for query, expected in (("limit=1", 25), ("offset=99", 25), ("tag=Even&limit=1", 13)):
        assert get(client, query)["pagination"]["total"] == expected


def test_repeats_limit_and_offset(client: FlaskClient) -> None:
    assert get(client, "limit=100&offset=3")["pagination"] == {
        "total": 0,
        "limit": 100,
        "offset": 3,
    }


def test_totals_follow_updates(client: FlaskClient) -> None:
    for phone in PHONES[:2]:
        post(client, phone=phone, tags=["a", "b"])
    assert (total(client), total(client, tag="a"), total(client, tag="b")) == (2, 2, 2)
    post(client, phone=PHONES[0], tags=["b", "c"])
    assert (total(client, tag="a"), total(client, tag="b"), total(client, tag="c")) == (1, 2, 1)
    post(client, phone=PHONES[0], tags=[])
    post(client, phone=PHONES[1], tags=["c"])
    assert (total(client, tag="a"), total(client, tag="b"), total(client, tag="c")) == (0, 0, 1)
    assert total(client) == 2
    post(client, phone=PHONES[1], tags=["a"])
    assert (total(client, tag="a"), total(client, tag="c")) == (1, 0)


def test_tags_match_exactly(client: FlaskClient, subtests: Subtests) -> None:
    tags = [
        "VIP",
        "vip",
        "V I P",
        "%",
        "_",
        "a,b",
        "100%",
        "Caf\u00e9",
        "\U0001f600",
        "x&y=z+1",
        "'",
    ]
    for phone, tag in zip(PHONES, tags, strict=False):
        post(client, phone=phone, tags=[tag])
    for tag in tags:
        with subtests.test(tag=tag):
            assert total(client, tag=tag) == 1
    for tag in ("Vip", "VI", "V", "V  I P", "*", "cafe", "caf\u00e9", "VIP,vip"):
        with subtests.test(tag=tag):
            assert total(client, tag=tag) == 0


def test_cleans_the_tag_as_a_stored_one(client: FlaskClient) -> None:
    post(client, phone=PHONES[0], tags=[" Cafe\u0301 "])
    for spelling in ("Caf\u00e9", "Cafe\u0301", "  Caf\u00e9\t"):
        assert total(client, tag=spelling) == 1


@pytest.mark.one_engine
@pytest.mark.parametrize("name", ["limit", "offset"])
def test_rejects_all_but_plain_digits(client: FlaskClient, subtests: Subtests, name: str) -> None:
    bad = ["", "-1", "+5", " 7", "7 ", "1_000", "1.5", "1e1", "0x1", "five", "\u0661", "\uff11"]
    bad += ["\u00b2", "1,0", "null", "1\x00", "9" * 30, "9" * 5_000, "-0", "NaN"]
    bad += ["0" * 20 + "9" * 12, "0" * 20 + "9" * 30, "0" * 19 + "1" + "0" * 5_000]
    for text in bad:
        with subtests.test(text=ascii(text)[:40]):
            response = client.get("/v1/contacts", query_string={name: text})
            assert response.status_code == 422
            assert list(response.get_json()["error"]["details"]) == [name]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "offset=2147483648", f"limit={'0' * 19}199", "limit=4294967297"],
)
def test_rejects_limits_out_of_range(client: FlaskClient, query: str) -> None:
    assert client.get(f"/v1/contacts?{query}").status_code == 422


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "query",
    [
        "page=1",
        "Limit=5",
        "tags=VIP",
        "limit[]=5",
        "api_key=secret",
        "=5",
        "x",
        "limit=5&limit=5",
        "offset=1&offset=2",
        "include=custom_fields&include=updated_at",
        "tag=",
        "tag=%20",
        "tag=%00",
        "tag=a%0Ab",
        f"tag={'a' * 101}",
        "include=",
        "include=tags",
        "include=custom_fields%20",
        "dry_run=true",
    ],
)
def test_rejects_invalid_parameters(client: FlaskClient, query: str) -> None:
    response = client.get(f"/v1/contacts?{query}")
    assert response.status_code == 422
    error = response.get_json()["error"]
    assert error["code"] == "validation_error" and len(error["details"]) == 1


@pytest.mark.one_engine
def test_names_a_parameter_given_twice(client: FlaskClient) -> None:
    details = client.get("/v1/contacts?limit=5&limit=6").get_json()["error"]["details"]
    assert details == {"limit": ["Given more than once."]}


@pytest.mark.one_engine
def test_suggests_the_parameter_that_was_meant(client: FlaskClient) -> None:
    details = client.get("/v1/contacts?limits=5").get_json()["error"]["details"]
    assert details == {"limits": ["Unknown: did you mean limit?"]}


@pytest.mark.one_engine
def test_reports_at_most_twenty_parameters(client: FlaskClient) -> None:
    query = "&".join(f"x{n}{'y' * 200}=1" for n in range(50))
    details = client.get(f"/v1/contacts?{query}").get_json()["error"]["details"]
    assert len(details) == 20 and max(map(len, details)) <= 65


def test_ignores_a_body(client: FlaskClient) -> None:
    assert client.get("/v1/contacts", data=b"{", content_type="text/plain").status_code == 200


def test_repeated_queries_see_new_contacts(client: FlaskClient) -> None:
    for number, phone in enumerate(PHONES[:3]):
        assert len(phones(client, "limit=50")) == number
        post(client, phone=phone)
