"""Checks that write one test contact."""

from typing import Any

from app.conformance.api import Answer, Api
from app.conformance.check import (
    ASSUMED,
    DOCUMENTED,
    Check,
    Differs,
    Skipped,
    collector,
    expect_failure,
    expect_status,
    listed,
)
from app.errors import StartError

CHECKS: list[Check] = []
PHONE = "12025550199"  # Reserved for fiction.
TAG = "contacts-check"
CONTACT = {
    "phone": PHONE,
    "first_name": "Contacts",
    "last_name": "Check",
    "email": "contacts-check@example.com",
    "tags": [TAG],
    "custom_fields": {"contacts_check": "1"},
}

documented = collector(CHECKS, DOCUMENTED)
assumed = collector(CHECKS, ASSUMED)


@documented("upsert")
def _upsert(api: Api) -> None:
    for answer in (api.post(CONTACT), api.post(CONTACT)):
        expect_status(answer, 200, 201)
    found = [each for each in listed(api.get(tag=TAG, limit=100)) if each.get("phone") == PHONE]
    if len(found) != 1:
        raise Differs(f"two posts of one phone created {len(found)} contacts")


@documented("upsert-id")
def _upsert_id(api: Api) -> None:
    if _contact(api.post(CONTACT)).get("id") != f"cnt_{PHONE}":
        raise Differs("contact.id is not cnt_ and the phone")


@documented("upsert-fields")
def _upsert_fields(api: Api) -> None:
    api.post(CONTACT)
    found = _stored(api)
    for name in ("first_name", "last_name", "email", "tags"):
        if found.get(name) != CONTACT[name]:
            raise Differs(f"{name} is not listed as it was sent")


@assumed("upsert-status")
def _upsert_status(api: Api) -> None:
    api.post(CONTACT)
    expect_status(api.post(CONTACT), 200)


@assumed("upsert-absent")
def _upsert_absent(api: Api) -> None:
    api.post(CONTACT)
    api.post({"phone": PHONE, "first_name": None, "email": ""})
    found = _stored(api)
    for name in ("first_name", "last_name", "email", "tags"):
        if found.get(name) != CONTACT[name]:
            raise Differs(f"{name} is removed by a post that omits it, or has it null or empty")


@assumed("upsert-tags")
def _upsert_tags(api: Api) -> None:
    api.post(CONTACT)
    api.post({"phone": PHONE, "tags": [TAG, "contacts-check-2"]})
    api.post({"phone": PHONE, "tags": [TAG]})
    if _stored(api).get("tags") != [TAG]:
        raise Differs("tags are added to the existing tags instead of replacing them")


@assumed("upsert-custom-fields")
def _upsert_custom_fields(api: Api) -> None:
    api.post(CONTACT)
    answer = api.post({"phone": PHONE, "custom_fields": {"contacts_check_2": "2"}})
    found = _contact(answer).get("custom_fields")
    if not isinstance(found, dict):
        raise Skipped("the response does not show custom_fields")
    if not {"contacts_check", "contacts_check_2"} <= found.keys():
        raise Differs("custom_fields are not merged key by key")


@assumed("phone-spelling")
def _phone_spelling(api: Api) -> None:
    for spelling in ("+1 (202) 555-0199", "001 202-555-0199"):
        answer = api.post(CONTACT | {"phone": spelling})
        expect_status(answer, 200, 201)
        if _contact(answer).get("id") != f"cnt_{PHONE}":
            raise Differs(f"{spelling} is not the contact {PHONE}")


@assumed("phone-refused")
def _phone_refused(api: Api) -> None:
    for phone in (None, "", "02025550199", "1202555FAKE", 12025550199):
        expect_failure(api.post(CONTACT | {"phone": phone}), 422, "validation_error")
    expect_failure(api.post({"first_name": "Contacts"}), 422, "validation_error")


@assumed("unknown-field")
def _unknown_field(api: Api) -> None:
    expect_failure(api.post(CONTACT | {"contacts_check": 1}), 422, "validation_error")


@assumed("broken-json")
def _broken_json(api: Api) -> None:
    expect_failure(api.post(b'{"phone": "12025550199"'), 400, "invalid_json")


def refuse_to_touch(api: Api) -> None:
    """Raises `StartError` if another contact has the phone number of the test contact."""
    answer = api.find(f"cnt_{PHONE}")
    found = answer.body.get("contact") if isinstance(answer.body, dict) else None
    if isinstance(found, dict) and found.get("email") != CONTACT["email"]:
        raise StartError(f"{api.url} already has a contact cnt_{PHONE}: nothing is written")


def clean_up(api: Api) -> bool:
    """Delete the test contact; return whether the server could do that."""
    return api.delete(f"cnt_{PHONE}").status in (200, 204, 404)


def _contact(answer: Answer) -> dict[str, Any]:
    expect_status(answer, 200, 201)
    found = answer.body.get("contact") if isinstance(answer.body, dict) else None
    if not isinstance(found, dict):
        raise Differs("the body has no contact")
    return found


def _stored(api: Api) -> dict[str, Any]:
    for each in listed(api.get(tag=TAG, limit=100)):
        if each.get("phone") == PHONE:
            return each
    raise Differs(f"the contact is not listed under the tag {TAG}")
