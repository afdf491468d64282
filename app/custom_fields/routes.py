"""Routes of custom fields."""

from dataclasses import asdict

import marshmallow
from flask import Blueprint, Response

from app.api_keys.guard import require_scope
from app.contacts.fields import clean_key
from app.custom_fields import handlers, store
from app.custom_fields.conversion import convert_values
from app.custom_fields.schemas import PinSchema
from app.errors import InvalidInput
from app.web.paging import PageQuery, PageQuerySchema, page_response
from app.web.requests import database, json_object, load, load_query
from app.web.responses import success

blueprint = Blueprint("custom_fields", __name__, url_prefix="/v1/custom-fields")

_no_query = marshmallow.Schema()
_page_query = PageQuerySchema()
_pin_schema = PinSchema()


@blueprint.get("")
@require_scope("contacts:read")
def get_custom_fields() -> Response:
    page: PageQuery = load_query(_page_query)
    with database().snapshot() as snapshot:
        fields = store.list_custom_fields(snapshot, limit=page.limit, offset=page.offset)
        total = store.count_custom_fields(snapshot)
    listed = [field.view() for field in fields]
    return page_response({"custom_fields": listed}, total, **asdict(page))


@blueprint.put("/<name:key>")
@require_scope("admin")
def put_custom_field(key: str) -> Response:
    pin = load(_pin_schema, json_object())
    load_query(_no_query)
    field = handlers.pin_custom_field(
        database(), _new_key(key), label=pin.get("label"), required_type=pin.get("type")
    )
    if not pin["convert"]:
        return success({"custom_field": field.view()})
    converted, unconverted = convert_values(database(), field)
    field = store.find_custom_field(database().connection(), field.key) or field
    counts = {"converted": converted, "unconverted": unconverted}
    return success({"custom_field": field.view(), **counts})


@blueprint.delete("/<name:key>")
@require_scope("admin")
def delete_custom_field(key: str) -> Response:
    load_query(_no_query)
    changed = handlers.delete_custom_field(database(), key)
    return success({"custom_field": {"key": key, "deleted": True}, "changed": changed})


def _new_key(key: str) -> str:
    """Return a valid key, which can be new. Raises `InvalidInput`."""
    try:
        return clean_key(key)
    except marshmallow.ValidationError as error:
        raise InvalidInput({"key": error.messages}) from None
