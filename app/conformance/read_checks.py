"""Checks that only read."""

import re
import time
from typing import Any

from app.conformance.api import Answer, Api
from app.conformance.check import (
    ASSUMED,
    CONTRADICTED,
    DOCUMENTED,
    Check,
    Differs,
    Skipped,
    collector,
    expect_failure,
    expect_status,
    listed,
    page,
)

CHECKS: list[Check] = []
KEYS = ["id", "phone", "first_name", "last_name", "email", "tags", "created_at"]
UNLIKELY = "contacts-check-no-such-tag"

documented = collector(CHECKS, DOCUMENTED)
contradicted = collector(CHECKS, CONTRADICTED)
assumed = collector(CHECKS, ASSUMED)


@documented("bearer")
def _bearer(api: Api) -> None:
    expect_status(api.get(), 200)


@documented("unauthorized")
def _unauthorized(api: Api) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "wrong"}):
        expect_failure(api.get(headers=headers), 401, "unauthorized")


@documented("json")
def _json(api: Api) -> None:
    media_type = api.get().headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Differs(f"the Content-Type is {media_type}")


@documented("list-envelope")
def _list_envelope(api: Api) -> None:
    answer = api.get()
    page(answer)
    if list(answer.body) != ["success", "contacts", "pagination"] or not answer.body["success"]:
        raise Differs("the keys are not success (true), contacts, pagination, in this order")


@documented("list-defaults")
def _list_defaults(api: Api) -> None:
    found = page(api.get())
    if (found["limit"], found["offset"]) != (20, 0):
        raise Differs(f"limit {found['limit']} and offset {found['offset']}, not 20 and 0")


@documented("list-limit")
def _list_limit(api: Api) -> None:
    for limit in (1, 100):
        answer = api.get(limit=limit)
        if page(answer)["limit"] != limit or len(listed(answer)) > limit:
            raise Differs(f"limit={limit} is ignored")


@documented("list-offset")
def _list_offset(api: Api) -> None:
    first = api.get(limit=2)
    if page(first)["total"] < 2:
        raise Skipped("there are fewer than two contacts")
    second = api.get(limit=1, offset=1)
    if page(second)["offset"] != 1 or _ids(second) != _ids(first)[1:]:
        raise Differs("offset=1 does not start at the second contact")


@documented("list-total")
def _list_total(api: Api) -> None:
    whole, beyond = page(api.get(limit=1)), api.get(limit=1, offset=1_000_000_000)
    if listed(beyond) or page(beyond)["total"] != whole["total"]:
        raise Differs("an offset past the end does not return an empty list with the same total")


@documented("list-tag")
def _list_tag(api: Api) -> None:
    nobody = api.get(tag=UNLIKELY)
    if listed(nobody) or page(nobody)["total"]:
        raise Differs("a tag that no contact has returns contacts")
    tags = [tag for each in _contacts(api) for tag in each.get("tags") or ()]
    if tags:
        found = api.get(tag=tags[0])
        if not listed(found) or any(tags[0] not in each["tags"] for each in listed(found)):
            raise Differs("a tag returns contacts without it, or none of those that have it")


@documented("contact-keys")
def _contact_keys(api: Api) -> None:
    for each in _contacts(api):
        if list(each) != KEYS:
            raise Differs(f"the keys of a contact are {', '.join(map(str, each))}")


@documented("contact-id")
def _contact_id(api: Api) -> None:
    for each in _contacts(api):
        phone = str(each.get("phone"))
        # Germany has numbers longer than the 15 digits of E.164.
        if not re.fullmatch("[1-9][0-9]{4,16}", phone) or each.get("id") != f"cnt_{phone}":
            raise Differs("an id is not cnt_ and the phone, or a phone is not E.164 digits")


@documented("contact-created-at")
def _contact_created_at(api: Api) -> None:
    for each in _contacts(api):
        stamp = str(each.get("created_at"))
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp):
            raise Differs("created_at does not have the form 2026-06-02T08:00:00Z")


@documented("contact-tags")
def _contact_tags(api: Api) -> None:
    for each in _contacts(api):
        tags = each.get("tags")
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise Differs("tags are not an array of strings")


@documented("limit-headers")
def _limit_headers(api: Api) -> None:
    first, second = _quota(api.get()), _quota(api.get())
    if first is None or second is None:
        if _has_no_limit(api):
            raise Skipped("the key has no limit")
        raise Differs("there are no X-RateLimit headers")
    if not 0 < first["Reset"] - int(time.time()) <= 90:
        raise Differs("X-RateLimit-Reset is not within the next minute, in Unix seconds")
    if first["Remaining"] >= first["Limit"] or second["Remaining"] >= first["Remaining"]:
        raise Differs("X-RateLimit-Remaining does not count down")


@documented("status")
def _status(api: Api) -> None:
    expect_status(api.get("/v1/status"), 200)


@documented("profile")
def _profile(api: Api) -> None:
    expect_status(api.get("/v1/profile"), 200)


@contradicted("key-header")
def _key_header(api: Api) -> None:
    expect_status(api.get(headers=api.key_as_help_centre), 200)


@contradicted("envelope")
def _envelope(api: Api) -> None:
    for body in (api.get().body, api.get(headers={}).body):
        if isinstance(body, dict) and "status" in body:
            raise Differs('the body has "status", as in the help centre')


@assumed("out-of-range")
def _out_of_range(api: Api) -> None:
    for query in ({"limit": 0}, {"limit": 101}, {"limit": "x"}, {"offset": -1}):
        expect_failure(api.get(**query), 422, "validation_error")


@assumed("unknown-parameter")
def _unknown_parameter(api: Api) -> None:
    expect_failure(api.get(contacts_check="1"), 422, "validation_error")


@assumed("list-order")
def _list_order(api: Api) -> None:
    stamps = [str(each.get("created_at")) for each in _contacts(api)]
    if stamps == sorted(stamps):
        return
    if stamps == sorted(stamps, reverse=True):
        raise Differs("the newest contact comes first")
    raise Skipped("created_at does not tell the order in which the contacts were created")


@assumed("unset-is-null")
def _unset_is_null(api: Api) -> None:
    for each in _contacts(api):
        if "" in (each.get(name) for name in ("first_name", "last_name", "email")):
            raise Differs("an unset value is an empty string")


@assumed("unknown-route")
def _unknown_route(api: Api) -> None:
    expect_failure(api.get("/v1/contacts-check"), 404, "not_found")


@assumed("status-needs-key")
def _status_needs_key(api: Api) -> None:
    expect_failure(api.get("/v1/status", headers={}), 401, "unauthorized")


def _contacts(api: Api) -> list[dict[str, Any]]:
    found = listed(api.get(limit=100))
    if not found:
        raise Skipped("there are no contacts")
    return found


def _ids(answer: Answer) -> list[object]:
    return [each.get("id") for each in listed(answer)]


def _has_no_limit(api: Api) -> bool:
    """Return whether the profile shows no limit; only this service shows it there."""
    body = api.get("/v1/profile").body
    profile = body.get("profile") if isinstance(body, dict) else None
    return isinstance(profile, dict) and profile.get("rate_limit", 0) is None


def _quota(answer: Answer) -> dict[str, int] | None:
    names = ("Limit", "Remaining", "Reset")
    given = {name: answer.headers.get(f"X-RateLimit-{name}") for name in names}
    if not any(given.values()):
        return None
    if not all(value and re.fullmatch("[0-9]{1,12}", value) for value in given.values()):
        raise Differs("the X-RateLimit headers are not three whole numbers")
    return {name: int(value) for name, value in given.items() if value}
