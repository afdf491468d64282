"""Schemas of the requests about webhooks and their deliveries."""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.journal.model import EVENTS
from app.settings import PrivateTargets
from app.web.fields import Parsed, digits, text
from app.webhooks.model import ACTIVE, DISABLED, STATES
from app.webhooks.targets import MAX_URL, TargetRefused, check_url

MAX_LABEL = 100
MAX_OFFSET = 100_000


def parse_url(value: object, private: PrivateTargets) -> str:
    """Check a target as far as possible without a DNS lookup."""
    if not isinstance(value, str):
        raise ValidationError("Must be a string.")
    try:
        check_url(value, private)
    except TargetRefused as error:
        raise ValidationError(str(error)) from None
    return value


def url_field(**options: Any) -> Parsed[str]:
    """Accept a target; the schema that has this field sets which private ones are allowed."""
    schema = {"type": "string", "format": "uri", "maxLength": MAX_URL}
    return Parsed(partial(parse_url, private=PrivateTargets()), schema, **options)


def parse_events(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(each in EVENTS for each in value):
        return tuple(dict.fromkeys(value))
    raise ValidationError(f"Must be an array of {', '.join(EVENTS)}; null means all.")


class WebhookPatchSchema(Schema):
    """The body of `PATCH /v1/webhooks/{id}`.

    `private` is the setting `CONTACTS_WEBHOOK_ALLOW_PRIVATE`.
    """

    url = url_field()
    events = Parsed(
        parse_events,
        {"type": "array", "minItems": 1, "items": {"enum": list(EVENTS)}},
        allow_none=True,
    )
    label = text(MAX_LABEL)
    status = fields.String(validate=validate.OneOf((ACTIVE, DISABLED)))

    def __init__(self, private: PrivateTargets | None = None) -> None:
        super().__init__()
        parse = partial(parse_url, private=private or PrivateTargets())
        cast(Parsed[str], self.fields["url"]).parse = parse


class WebhookSchema(WebhookPatchSchema):
    """The body of `POST /v1/webhooks`."""

    url = url_field(required=True)
    status = fields.String(dump_only=True)


# The schemas that allow these private targets, built once.
webhook_schema = cache(WebhookSchema)
webhook_patch_schema = cache(WebhookPatchSchema)


@dataclass(frozen=True)
class DeliveriesQuery:
    limit: int = 20
    offset: int = 0
    state: str | None = None


class DeliveriesQuerySchema(Schema):
    """The query of `GET /v1/webhooks/{id}/deliveries`."""

    limit = digits(1, 100)
    offset = digits(0, MAX_OFFSET)
    state = fields.String(validate=validate.OneOf(STATES))

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> DeliveriesQuery:
        return DeliveriesQuery(**data)
