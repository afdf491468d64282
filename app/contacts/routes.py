"""The contacts API over HTTP."""

from collections.abc import Callable
from typing import cast

from flask import Blueprint, Response, current_app, request
from marshmallow import Schema

from app.api_keys.guard import require_scope
from app.contacts import handlers, model, store
from app.contacts.filters import Condition
from app.contacts.model import Change, Contact, Draft
from app.contacts.paging import BY_ARRIVAL, Search, encode_cursor
from app.contacts.phone import PhoneError, normalise
from app.contacts.queries import ListQuerySchema, MatchSchema, SearchSchema
from app.contacts.schemas import (
    ContactSchema,
    MergeSchema,
    PatchSchema,
    TagsSchema,
    UpsertQuery,
    UpsertQuerySchema,
)
from app.contacts.search import search_contacts
from app.errors import Conflict, NotFound, ValidationError
from app.web.requests import database, json_object, load, load_query
from app.web.responses import encode, json_response, success

blueprint = Blueprint("contacts", __name__, url_prefix="/v1/contacts")

_no_query = Schema()
_patch_schema = PatchSchema()
_tags_schema = TagsSchema()
_merge_schema = MergeSchema()
_list_query = ListQuerySchema()
_search_schema = SearchSchema()
_match_schema = MatchSchema()
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
    search, by_cursor = load_query(_list_query)
    match search.filter:
        case None | Condition("tag", "eq") if search.sort == BY_ARRIVAL and not by_cursor:
            return _documented_list(search)
    return _found(search, by_cursor)


def _documented_list(search: Search) -> Response:
    contacts, total = store.list_contacts(
        database().connection(),
        tag=search.filter.value if isinstance(search.filter, Condition) else None,
        limit=search.limit,
        offset=search.offset,
        include=search.include,
    )
    return json_response(
        f'{{"success":true,"contacts":[{contacts}],"pagination":'
        f'{{"total":{total},"limit":{search.limit},"offset":{search.offset}}}}}'
    )


@blueprint.post("/search")
@require_scope("contacts:read")
def post_contacts_search() -> Response:
    search, by_cursor = load(_search_schema, json_object())
    load_query(_no_query)
    return _found(search, by_cursor)


def _found(search: Search, by_cursor: bool) -> Response:
    """Answer with a page of a search. Raises `ValidationError` for an offset too far to reach."""
    with database().snapshot() as snapshot:
        page = search_contacts(snapshot, search)
    pagination: dict[str, object] = {"total": page.total}
    if page.total is None:
        pagination["total_is_estimate"] = True
    pagination["limit"] = search.limit
    if by_cursor:
        pagination["next_cursor"] = page.next and encode_cursor(
            page.next, (search.filter, search.sort)
        )
    elif page.cut:
        raise ValidationError(
            {
                "cursor": [
                    "Required where so many contacts must be looked at: begin with an "
                    "empty cursor, and go on while next_cursor is not null."
                ]
            }
        )
    else:
        pagination["offset"] = search.offset
    contacts = ",".join(page.contacts)
    return json_response(
        f'{{"success":true,"contacts":[{contacts}],"pagination":{encode(pagination)}}}'
    )


@blueprint.post("/<contact:id>/match")
@require_scope("contacts:read")
def post_contact_match(id: str) -> Response:
    filter = load(_match_schema, json_object())["filter"]
    matches, because = handlers.match_contact(database(), _phone(id), filter)
    return success({"matches": matches, "because": because})


@blueprint.get("/<contact:id>")
@require_scope("contacts:read")
def get_contact(id: str) -> Response:
    contact = handlers.get_contact(database(), _phone(id))
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
    """Return the phone of an id, `cnt_…` or the phone itself in any tolerated spelling.

    What is stored is found as it is stored. The routes of one contact take no query.
    """
    load_query(_no_query)
    stored = id.removeprefix("cnt_")
    if stored != id and stored.isascii() and stored.isdigit():
        return stored
    try:
        return normalise(id.removeprefix("cnt_"))
    except PhoneError:
        raise NotFound("There is no such contact: the id is cnt_ and a phone.") from None


def _contact_answer(contact: Contact, **more: object) -> Response:
    response = success({"contact": contact.full_view(), **more})
    response.set_etag(contact.version())
    return response


def _if_match() -> Callable[[str], bool] | None:
    return request.if_match.contains if "If-Match" in request.headers else None


def _contact_schema() -> ContactSchema:
    return cast(ContactSchema, current_app.extensions["contact_schema"])


def _upsert_body(outcome: Change, dry_run: bool) -> dict[str, object]:
    body: dict[str, object] = {
        "contact": outcome.after.full_view(),
        "created": outcome.created,
        "changed": outcome.changed,
    }
    if dry_run:
        body |= {"dry_run": True, "diff": outcome.diff()}
    return body
