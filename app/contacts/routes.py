"""The contacts API over HTTP."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from marshmallow import Schema

from app.api_keys.guard import require_scope
from app.contacts import handlers, model
from app.contacts.ids import phone_of
from app.contacts.model import Change, Contact, Draft
from app.contacts.schemas import (
    ContactQuerySchema,
    MergeSchema,
    PatchSchema,
    TagsSchema,
    UpsertQuery,
    UpsertQuerySchema,
    contact_schema,
)
from app.contacts.twins import find_twins, matching_twins
from app.errors import Conflict
from app.web.requests import database, json_object, load, load_query, settings
from app.web.responses import success

blueprint = Blueprint("contacts", __name__, url_prefix="/v1/contacts")

_no_query = Schema()
_patch_schema = PatchSchema()
_tags_schema = TagsSchema()
_merge_schema = MergeSchema()
_contact_query = ContactQuerySchema()
_upsert_query = UpsertQuerySchema()


@blueprint.post("")
@require_scope("contacts:write")
def post_contact() -> Response:
    draft: Draft = contact_schema(settings().phone_check).draft(json_object())
    query: UpsertQuery = load_query(_upsert_query)
    if query.match_twins:
        draft = matching_twins(draft)
    outcome = handlers.upsert_contact(database(), draft, dry_run=query.dry_run)
    return success(_upsert_body(outcome, query.dry_run), 201 if outcome.created else 200)


@blueprint.get("/<contact:id>")
@require_scope("contacts:read")
def get_contact(id: str) -> Response:
    if "aliases" in load_query(_contact_query).get("include", ()):
        # No 304: the ETag is that of the contact alone, as `If-Match` needs it.
        contact, aliases = handlers.get_with_aliases(database(), phone_of(id))
        return _contact_answer(contact, view={**contact.full_view(), "aliases": aliases})
    contact = handlers.get_contact(database(), phone_of(id))
    if request.if_none_match.contains_weak(contact.version()):
        response = Response(status=304)
        response.set_etag(contact.version())
        return response
    return _contact_answer(contact)


@blueprint.patch("/<contact:id>")
@require_scope("contacts:write")
def patch_contact(id: str) -> Response:
    values = load(_patch_schema, json_object("application/merge-patch+json"))
    phone = _phone(id)
    if "phone" in values:
        known = handlers.get_contact(database(), phone)
        raise Conflict(
            f"{known.id} keeps its phone: create the new number, then merge this contact into it."
        )
    change = handlers.edit_contact(
        database(),
        phone,
        lambda before, now: model.patch(before, values, now),
        keys=values.get("custom_fields") or (),
        tags=values.get("tags") or (),
        precondition=_if_match(),
    )
    return _contact_answer(change.after, changed=change.changed)


@blueprint.delete("/<contact:id>")
@require_scope("contacts:write")
def delete_contact(id: str) -> Response:
    contact = handlers.delete_contact(database(), _phone(id), precondition=_if_match())
    return success({"contact": {"id": contact.id, "deleted": True}})


@blueprint.post("/<contact:id>/tags")
@require_scope("contacts:write")
def post_contact_tags(id: str) -> Response:
    tags = load(_tags_schema, json_object())["tags"]
    change = handlers.edit_contact(
        database(),
        _phone(id),
        lambda before, now: model.add_tags(before, tags, now),
        tags=tags,
        precondition=_if_match(),
    )
    return _contact_answer(change.after, changed=change.changed)


@blueprint.delete("/<contact:id>/tags/<name:tag>")
@require_scope("contacts:write")
def delete_contact_tag(id: str, tag: str) -> Response:
    change = handlers.remove_tag(database(), _phone(id), tag, precondition=_if_match())
    return _contact_answer(change.after, changed=change.changed)


@blueprint.post("/<contact:id>/merge")
@require_scope("contacts:write")
def post_contact_merge(id: str) -> Response:
    other = load(_merge_schema, json_object())["from_"]
    change = handlers.merge_contacts(
        database(), _phone(id), _phone(other), precondition=_if_match()
    )
    return _contact_answer(change.after, changed=change.changed)


def _phone(id: str) -> str:
    """Return the phone of an id. The routes of one contact take no query."""
    load_query(_no_query)
    return phone_of(id)


def _contact_answer(
    contact: Contact, *, view: dict[str, object] | None = None, **more: object
) -> Response:
    response = success({"contact": view or contact.full_view(), **more})
    response.set_etag(contact.version())
    return response


def _if_match() -> Callable[[str], bool] | None:
    return request.if_match.contains if "If-Match" in request.headers else None


def _upsert_body(outcome: Change, dry_run: bool) -> dict[str, object]:
    body: dict[str, object] = {
        "contact": outcome.after.full_view(),
        "created": outcome.created,
        "changed": outcome.changed,
    }
    if outcome.created:
        phone = outcome.after.phone
        body["twins"] = find_twins(database(), [phone]).get(phone, [])
    if dry_run:
        body |= {"dry_run": True, "diff": outcome.diff()}
    return body
