"""Routes of tags."""

from dataclasses import asdict

from flask import Blueprint, Response
from marshmallow import Schema

from app.api_keys.guard import require_scope
from app.tags import handlers, store
from app.tags.schemas import RenameSchema
from app.web.paging import PageQuery, PageQuerySchema, page_response
from app.web.requests import database, json_object, load, load_query
from app.web.responses import success

blueprint = Blueprint("tags", __name__, url_prefix="/v1/tags")

_no_query = Schema()
_page_query = PageQuerySchema()
_rename_schema = RenameSchema()


@blueprint.get("")
@require_scope("contacts:read")
def get_tags() -> Response:
    page: PageQuery = load_query(_page_query)
    with database().snapshot() as snapshot:
        tags = store.list_tags(snapshot, limit=page.limit, offset=page.offset)
        total = store.count_tags(snapshot)
    listed = [{"name": tag.name, "contacts": tag.contacts} for tag in tags]
    return page_response({"tags": listed}, total, **asdict(page))


@blueprint.patch("/<name:name>")
@require_scope("contacts:write")
def patch_tag(name: str) -> Response:
    new_name = load(_rename_schema, json_object("application/merge-patch+json"))["name"]
    load_query(_no_query)
    count, changed = handlers.rename_tag(database(), name, new_name)
    return success({"tag": {"name": new_name, "contacts": count}, "changed": changed})


@blueprint.delete("/<name:name>")
@require_scope("contacts:write")
def delete_tag(name: str) -> Response:
    load_query(_no_query)
    changed = handlers.delete_tag(database(), name)
    return success({"tag": {"name": name, "deleted": True}, "changed": changed})
