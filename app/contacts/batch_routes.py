"""Many contacts at once over HTTP."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response
from marshmallow import Schema, ValidationError

from app.api_keys.guard import require_scope
from app.contacts import bulk
from app.contacts.batch_schemas import BatchSchema, LookupSchema
from app.contacts.fields import parse_phone
from app.contacts.model import Change, Draft
from app.contacts.phone import MAX_LENGTH
from app.contacts.schemas import UpsertQuery, UpsertQuerySchema, contact_schema
from app.contacts.twins import find_phones, find_twins, matching_twins
from app.contacts.writer import Outcome
from app.errors import InvalidInput, ServiceError
from app.web.requests import database, json_object, load, load_query, settings
from app.web.responses import success

MAX_BODY_BYTES = 8 * 2**20

blueprint = Blueprint("bulk", __name__, url_prefix="/v1/contacts")

_batch_schema = BatchSchema()
_lookup_schema = LookupSchema()
_query = UpsertQuerySchema()
_no_query = Schema()


@blueprint.post("/batch")
@require_scope("contacts:write")
def post_contacts_batch() -> Response:
    body: dict[str, Any] = load(_batch_schema, json_object(limit=MAX_BODY_BYTES))
    query: UpsertQuery = load_query(_query)
    schema = contact_schema(settings().phone_check)

    def check(row: object) -> Draft:
        if not isinstance(row, dict):
            raise InvalidInput({"contact": ['Must be an object, such as {"phone": "…"}.']})
        draft = schema.draft(row)
        return matching_twins(draft) if query.match_twins else draft

    outcomes = bulk.upsert_contacts(
        database(), body["contacts"], check, atomic=body["atomic"], dry_run=query.dry_run
    )
    return success(_report(outcomes) | ({"dry_run": True} if query.dry_run else {}))


@blueprint.post("/lookup")
@require_scope("contacts:read")
def post_contacts_lookup() -> Response:
    given: list[object] = load(_lookup_schema, json_object())["phones"]
    load_query(_no_query)
    read = [_read_phone(each) for each in given]
    stored = find_phones(database(), [phone for phone, _ in read if phone])
    results = [
        {
            "input": _shown(each),
            "phone": phone,
            "reason": reason,
            "id": f"cnt_{stored[phone]}" if phone in stored else None,
        }
        for each, (phone, reason) in zip(given, read, strict=True)
    ]
    return success({"results": results})


def _shown(given: object) -> str:
    """Return what a client sent as text that UTF-8 can encode: lone surrogates become `?`."""
    if isinstance(given, str):
        return given.encode(errors="replace").decode()
    return json.dumps(given)[:MAX_LENGTH]


def _read_phone(given: object) -> tuple[str | None, str | None]:
    """Return a phone as it is stored, or the reason why it cannot be."""
    try:
        return parse_phone(given, settings().phone_check), None
    except ValidationError as error:
        return None, str(error.messages[0])


def _report(outcomes: list[Outcome]) -> dict[str, Any]:
    created = [each.after for each in outcomes if isinstance(each, Change) and each.created]
    twins = find_twins(database(), [each.phone for each in created])
    results = [{"index": index, **_result(each, twins)} for index, each in enumerate(outcomes)]
    counts = Counter(each["status"] for each in results)
    names = ("created", "updated", "unchanged", "failed")
    return {name: counts[name] for name in names} | {"results": results}


def _result(outcome: Outcome, twins: Mapping[str, list[str]]) -> dict[str, Any]:
    if isinstance(outcome, Change):
        found = twins.get(outcome.after.phone) if outcome.created else None
        result = {"status": outcome.status, "id": outcome.after.id}
        return result | ({"twins": found} if found else {})
    return {"status": "failed", "error": _error(outcome)}


def _error(error: ServiceError) -> dict[str, Any]:
    """Return a failure as the envelope has it, but for the request's own."""
    return {"code": error.code, "message": error.message} | (
        {"details": error.details} if error.details else {}
    )
