"""The contacts API over HTTP."""

from typing import cast

from flask import Blueprint, Response, current_app

from app.api_keys.guard import require_scope
from app.contacts import handlers, store
from app.contacts.model import Draft, Upsert
from app.contacts.schemas import (
    ContactSchema,
    ListQuery,
    ListQuerySchema,
    UpsertQuery,
    UpsertQuerySchema,
)
from app.web.requests import database, json_object, load, load_query
from app.web.responses import json_response, success

blueprint = Blueprint("contacts", __name__, url_prefix="/v1/contacts")

_list_query = ListQuerySchema()
_upsert_query = UpsertQuerySchema()


@blueprint.post("")
@require_scope("contacts:write")
def post_contact() -> Response:
    draft: Draft = load(_contact_schema(), json_object())
    query: UpsertQuery = load_query(_upsert_query)
    outcome = handlers.upsert_contact(database(), draft, dry_run=query.dry_run)
    return success(_upsert_body(outcome, query.dry_run), 201 if outcome.created else 200)


@blueprint.get("")
@require_scope("contacts:read")
def get_contacts() -> Response:
    query: ListQuery = load_query(_list_query)
    contacts, total = store.list_contacts(
        database().connection(),
        tag=query.tag,
        limit=query.limit,
        offset=query.offset,
        include=query.include,
    )
    return json_response(
        f'{{"success":true,"contacts":[{contacts}],"pagination":'
        f'{{"total":{total},"limit":{query.limit},"offset":{query.offset}}}}}'
    )


def _contact_schema() -> ContactSchema:
    return cast(ContactSchema, current_app.extensions["contact_schema"])


def _upsert_body(outcome: Upsert, dry_run: bool) -> dict[str, object]:
    body: dict[str, object] = {
        "contact": outcome.after.full_view(),
        "created": outcome.created,
        "changed": outcome.changed,
    }
    if dry_run:
        body |= {"dry_run": True, "diff": outcome.diff()}
    return body
