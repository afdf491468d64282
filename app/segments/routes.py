"""Segments over HTTP."""

from dataclasses import asdict

from flask import Blueprint, Response
from marshmallow import Schema, ValidationError

from app.api_keys.guard import require_scope
from app.errors import InvalidInput
from app.segments import handlers, store
from app.segments.model import Segment
from app.segments.schemas import SegmentSchema, clean_name
from app.web.paging import PageQuery, PageQuerySchema, page_response
from app.web.requests import database, json_object, load, load_query
from app.web.responses import success

blueprint = Blueprint("segments", __name__, url_prefix="/v1/segments")

_no_query = Schema()
_page_query = PageQuerySchema()
_segment_schema = SegmentSchema()


@blueprint.get("")
@require_scope("contacts:read")
def get_segments() -> Response:
    page: PageQuery = load_query(_page_query)
    with database().snapshot() as snapshot:
        found = store.list_segments(snapshot, limit=page.limit, offset=page.offset)
        total, last_id = store.count_segments(snapshot), store.last_contact(snapshot)
    shown = [each.view(last_id) for each in found]
    return page_response({"segments": shown}, total, **asdict(page))


@blueprint.put("/<name:name>")
@require_scope("admin")
def put_segment(name: str) -> Response:
    values = load(_segment_schema, json_object())
    load_query(_no_query)
    try:
        name = clean_name(name)
    except ValidationError as error:
        raise InvalidInput({"name": error.messages}) from None
    segment, is_new = handlers.set_segment(
        database(), name, values["filter"], notify=values.get("notify", False)
    )
    return _answer(segment, 201 if is_new else 200)


@blueprint.get("/<name:name>")
@require_scope("contacts:read")
def get_segment(name: str) -> Response:
    load_query(_no_query)
    return _answer(handlers.get_segment(database().connection(), name))


@blueprint.delete("/<name:name>")
@require_scope("admin")
def delete_segment(name: str) -> Response:
    load_query(_no_query)
    handlers.delete_segment(database(), name)
    return success({"segment": {"name": name, "deleted": True}})


def _answer(segment: Segment, status: int = 200) -> Response:
    last_id = store.last_contact(database().connection())
    return success({"segment": segment.view(last_id)}, status)
