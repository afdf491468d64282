"""Routes that list, search and match contacts."""

from flask import Blueprint, Response, request
from marshmallow import Schema

from app.api_keys.guard import require_scope
from app.compact_json import encode
from app.contacts.ids import phone_of
from app.errors import InvalidInput
from app.search import handlers, store
from app.search.filters import Condition
from app.search.paging import BY_ARRIVAL, Search, encode_cursor
from app.search.planner import search_contacts
from app.search.schemas import ListQuerySchema, MatchSchema, SearchSchema
from app.search.views import page_too_large
from app.web.paging import link_next
from app.web.requests import database, json_object, load, load_query
from app.web.responses import json_response, success

blueprint = Blueprint("search", __name__, url_prefix="/v1/contacts")

_no_query = Schema()
_list_query = ListQuerySchema()
_search_schema = SearchSchema()
_match_schema = MatchSchema()


@blueprint.get("")
@require_scope("contacts:read")
def get_contacts() -> Response:
    search, by_cursor = load_query(_list_query)
    match search.filter:
        case None | Condition("tag", "eq") if search.sort == BY_ARRIVAL and not by_cursor:
            return _documented_list(search)
    return _page_of(search, by_cursor)


def _documented_list(search: Search) -> Response:
    contacts, total = store.list_contacts(
        database().connection(),
        tag=search.filter.value if isinstance(search.filter, Condition) else None,
        limit=search.limit,
        offset=search.offset,
        include=search.include,
    )
    response = json_response(
        f'{{"success":true,"contacts":[{contacts}],"pagination":'
        f'{{"total":{total},"limit":{search.limit},"offset":{search.offset}}}}}'
    )
    if search.offset + search.limit < total:
        link_next(response, "offset", search.offset + search.limit)
    return response


@blueprint.post("/search")
@require_scope("contacts:read")
def post_contacts_search() -> Response:
    search, by_cursor = load(_search_schema, json_object())
    load_query(_no_query)
    return _page_of(search, by_cursor)


def _page_of(search: Search, by_cursor: bool) -> Response:
    """Return a page of a search.

    A page by cursor may be short. Raises `InvalidInput` for a page by offset that ends early.
    """
    with database().snapshot() as snapshot:
        page = search_contacts(snapshot, search)
    pagination: dict[str, object] = {"total": page.total}
    if page.total is None:
        pagination["total_is_estimate"] = True
    pagination["limit"] = search.limit
    next_page: tuple[str, str | int] = "offset", search.offset + search.limit
    if by_cursor:
        cursor = page.next and encode_cursor(page.next, (search.filter, search.sort))
        pagination["next_cursor"] = cursor
        next_page = "cursor", cursor or ""
    elif page.ended_by == "bytes":
        raise page_too_large()
    elif page.ended_by == "budget":
        raise InvalidInput(
            {
                "cursor": [
                    "Required, since this search reads too many contacts for one page: begin "
                    "with cursor=start, and continue while next_cursor is not null."
                ]
            }
        )
    else:
        pagination["offset"] = search.offset
    contacts = ",".join(page.contacts)
    response = json_response(
        f'{{"success":true,"contacts":[{contacts}],"pagination":{encode(pagination)}}}'
    )
    if page.next and request.method != "POST":  # A link cannot repeat a body.
        link_next(response, *next_page)
    return response


@blueprint.post("/<contact:id>/match")
@require_scope("contacts:read")
def post_contact_match(id: str) -> Response:
    filter = load(_match_schema, json_object())["filter"]
    load_query(_no_query)
    matches, because = handlers.match_contact(database(), phone_of(id), filter)
    return success({"matches": matches, "because": because})
