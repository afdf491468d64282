"""Many contacts at once over HTTP."""

from collections import Counter
from typing import Any

from flask import Blueprint, Response

from app.api_keys.guard import require_scope
from app.contacts import bulk
from app.contacts.batches import BatchSchema
from app.contacts.model import Change, Draft
from app.contacts.schemas import UpsertQuery, UpsertQuerySchema, contact_schema
from app.contacts.writer import Outcome
from app.errors import InvalidInput, ServiceError
from app.web.requests import database, json_object, load, load_query, settings
from app.web.responses import success

MAX_BODY_BYTES = 8 * 2**20

blueprint = Blueprint("bulk", __name__, url_prefix="/v1/contacts")

_batch_schema = BatchSchema()
_query = UpsertQuerySchema()


@blueprint.post("/batch")
@require_scope("contacts:write")
def post_contacts_batch() -> Response:
    body: dict[str, Any] = load(_batch_schema, json_object(limit=MAX_BODY_BYTES))
    query: UpsertQuery = load_query(_query)
    schema = contact_schema(settings().phone_check)

    def check(row: object) -> Draft:
        if not isinstance(row, dict):
            raise InvalidInput({"contact": ['Must be an object, such as {"phone": "…"}.']})
        return schema.draft(row)

    outcomes = bulk.upsert_contacts(
        database(), body["contacts"], check, atomic=body["atomic"], dry_run=query.dry_run
    )
    return success(_report(outcomes) | ({"dry_run": True} if query.dry_run else {}))


def _report(outcomes: list[Outcome]) -> dict[str, Any]:
    results = [{"index": index, **_result(each)} for index, each in enumerate(outcomes)]
    counts = Counter(each["status"] for each in results)
    names = ("created", "updated", "unchanged", "failed")
    return {name: counts[name] for name in names} | {"results": results}


def _result(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Change):
        return {"status": outcome.status, "id": outcome.after.id}
    return {"status": "failed", "error": _error(outcome)}


def _error(error: ServiceError) -> dict[str, Any]:
    """Return a failure as the envelope has it, but for the request's own."""
    return {"code": error.code, "message": error.message} | (
        {"details": error.details} if error.details else {}
    )
