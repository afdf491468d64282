"""Schemas of the queries of imports and exports."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.contacts.phone import REGIONS
from app.search.paging import Search
from app.search.schemas import ListQuerySchema
from app.transfer.columns import parse_mapping
from app.transfer.formats import FORMATS
from app.web.fields import Parsed, flag


@dataclass(frozen=True)
class ImportQuery:
    dry_run: bool = False
    map: dict[str, str] = field(default_factory=dict)
    default_country: str | None = None


def parse_country(value: str) -> str:
    """Check the two letters of a country that has phone numbers."""
    if value not in REGIONS:
        raise ValidationError("Must be the two letters of a country, such as IN.")
    return value


class ImportQuerySchema(Schema):
    """The query of `POST /v1/contacts/import`."""

    repeatable: ClassVar = ("map",)

    dry_run = flag()
    map = Parsed(parse_mapping, {"type": "array", "items": {"type": "string"}})
    default_country = Parsed(parse_country, {"type": "string", "pattern": "^[A-Z]{2}$"})

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> ImportQuery:
        return ImportQuery(**data)


@dataclass(frozen=True)
class ExportQuery:
    search: Search
    format: str = "csv"


class ExportQuerySchema(ListQuerySchema):
    """The query of `GET /v1/contacts/export`: the filters of a list, without its pages."""

    class Meta:
        exclude = ("limit", "offset", "sort", "cursor", "include")

    format = fields.String(validate=validate.OneOf(FORMATS))

    @post_load
    def _to_search(self, data: dict[str, Any], **more: Any) -> Any:
        format = data.pop("format", FORMATS[0])
        search, _ = super()._to_search(data, **more)
        return ExportQuery(search, format)
