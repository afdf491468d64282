"""Schemas of the queries of imports and exports."""

from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.contacts.fields import parse_tags
from app.contacts.phone import REGIONS
from app.search.paging import Search
from app.search.schemas import ListQuerySchema
from app.transfer.encodings import Encoding, named
from app.transfer.formats import FORMATS
from app.transfer.mapping import parse_mapping
from app.transfer.options import Options
from app.transfer.readers import Source
from app.web.fields import Parsed, digits, flag, text

MAX_SKIPPED_LINES = 1_000
TAG_MODES = ("add", "replace")


@dataclass(frozen=True)
class ImportQuery:
    dry_run: bool = False
    format: str | None = None
    encoding: Encoding | None = None
    sheet: str | None = None
    skip_lines: int | None = None
    map: dict[str, str] = field(default_factory=dict)
    default_country: str | None = None
    international: bool = False
    tags: str = "add"
    add_tag: tuple[str, ...] = ()
    tag_separator: str | None = None
    lenient: bool = False
    match_twins: bool = False
    stop_on_disconnect: bool = False

    def source(self, file: BinaryIO, name: str = "", declared: str | None = None) -> Source:
        """Return a seekable file with what the query says about reading it."""
        return Source(
            file,
            name,
            declared,
            format=self.format,
            encoding=self.encoding,
            sheet=self.sheet,
            skip_lines=self.skip_lines,
            mapping=self.map,
        )

    def options(self) -> Options:
        return Options(
            region=self.default_country,
            international=self.international,
            replace_tags=self.tags == "replace",
            add_tags=self.add_tag,
            tag_separator=self.tag_separator,
            lenient=self.lenient,
            match_twins=self.match_twins,
        )


def parse_country(value: str) -> str:
    """Check the two letters of a country that has phone numbers."""
    if value.upper() not in REGIONS:
        raise ValidationError("Must be the two letters of a country, such as IN.")
    return value.upper()


def parse_separator(value: str) -> str:
    if not 1 <= len(value) <= 10 or not value.strip(" "):
        raise ValidationError("Must be 1 to 10 characters, such as a comma.")
    return value


class ImportQuerySchema(Schema):
    """The query of `POST /v1/contacts/import`; the options of the command have the same names."""

    repeatable: ClassVar = ("map", "add_tag")

    dry_run = flag()
    format = fields.String(validate=validate.OneOf(FORMATS))
    encoding = Parsed(named, {"type": "string"})
    sheet = text(255)
    skip_lines = digits(0, MAX_SKIPPED_LINES)
    map = Parsed(parse_mapping, {"type": "array", "items": {"type": "string"}})
    default_country = Parsed(parse_country, {"type": "string", "pattern": "^[A-Za-z]{2}$"})
    international = flag()
    tags = fields.String(validate=validate.OneOf(TAG_MODES))
    add_tag = Parsed(parse_tags, {"type": "array", "items": {"type": "string"}})
    tag_separator = Parsed(parse_separator, {"type": "string", "minLength": 1, "maxLength": 10})
    lenient = flag()
    match_twins = flag()
    stop_on_disconnect = flag()

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> ImportQuery:
        if data.get("default_country") and data.get("international"):
            raise ValidationError({"international": ["Leave it out beside default_country."]})
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
