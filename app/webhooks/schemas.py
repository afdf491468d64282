"""Schemas of the requests about webhooks and their deliveries."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app import clock
from app.journal.model import EVENTS
from app.setting_values import PrivateTargets
from app.web.fields import CONTROL, Parsed, clean_text, digits, text
from app.webhooks.model import ACTIVE, DEAD, DISABLED, STATES
from app.webhooks.targets import MAX_URL, TargetRefused, check_url

MAX_LABEL = 100
MAX_OFFSET = 100_000
MAX_FIELDS = 50
MAX_ACTORS = 20
MAX_FIELD = len("custom_fields.") + 64
_FIELD = re.compile(rf"first_name|last_name|email|tags|custom_fields\.[^\[\]{CONTROL}]+")
_KEY_ID = re.compile("key_[0-9a-f]{8,32}")


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


def parse_fields(value: object) -> tuple[str, ...]:
    """Check names of fields as `changed` has them."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_FIELDS:
        raise ValidationError(f"Must be an array of 1 to {MAX_FIELDS} names; null means all.")
    names = dict.fromkeys(clean_text(each, MAX_FIELD) for each in value)
    if not all(map(_FIELD.fullmatch, names)):
        raise ValidationError(
            "Must be names of fields: first_name, last_name, email, tags or custom_fields.KEY."
        )
    return tuple(names)


def parse_actors(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ACTORS:
        raise ValidationError(f"Must be an array of 1 to {MAX_ACTORS} ids of keys; null for none.")
    for each in value:
        if not (isinstance(each, str) and _KEY_ID.fullmatch(each)):
            raise ValidationError("Must be ids of API keys, key_…: contacts keys list shows them.")
    return tuple(dict.fromkeys(value))


class WebhookPatchSchema(Schema):
    """The body of `PATCH /v1/webhooks/{id}`.

    `private` is the setting `CONTACTS_WEBHOOK_ALLOW_PRIVATE`.
    """

    url = url_field()
    events = Parsed(
        parse_events,
        {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(EVENTS)}},
        allow_none=True,
    )
    fields_ = Parsed(
        parse_fields,
        {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_FIELDS,
            "items": {"type": "string", "pattern": f"^({_FIELD.pattern})$"},
        },
        data_key="fields",
        attribute="fields",
        allow_none=True,
    )
    exclude_actor = Parsed(
        parse_actors,
        {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_ACTORS,
            "items": {"type": "string", "pattern": f"^{_KEY_ID.pattern}$"},
        },
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


def parse_since(value: object) -> str:
    """Return an RFC 3339 instant in UTC, to the second."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found and found.tzinfo:
            return clock.timestamp(found.astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    raise ValidationError('Must be a date and time with its zone, such as "2026-06-02T08:00:00Z".')


class RedeliverSchema(Schema):
    """The body of `POST /v1/webhooks/{id}/redeliver`."""

    state = fields.String(required=True, validate=validate.OneOf((DEAD,)))
    since = Parsed(parse_since, {"type": "string", "format": "date-time"})


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
