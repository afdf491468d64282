"""What a client may send about webhooks."""

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.journal.model import EVENTS
from app.web.fields import Digits, clean_text
from app.webhooks.model import ACTIVE, DISABLED, STATES
from app.webhooks.targets import Allowed, TargetRefused, check_url

MAX_LABEL = 100
MAX_OFFSET = 100_000


class Url(fields.Field[str]):
    """Where to send: checked as far as it can be without a look-up."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(required=required)
        self.allowed = Allowed()

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be a string.")
        try:
            check_url(value, self.allowed)
        except TargetRefused as error:
            raise ValidationError(str(error)) from None
        return value


class Label(fields.Field[str]):
    """A line of text for people."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        return clean_text(value, MAX_LABEL)


class Events(fields.Field[tuple[str, ...] | None]):
    """An array of kinds of events; null means all."""

    def __init__(self) -> None:
        super().__init__(allow_none=True)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if isinstance(value, list) and value and all(each in EVENTS for each in value):
            return tuple(dict.fromkeys(value))
        raise ValidationError(f"Must be an array of {', '.join(EVENTS)}; null means all.")


class WebhookPatchSchema(Schema):
    """The body of `PATCH /v1/webhooks/{id}`; `private` targets are allowed."""

    url = Url()
    events = Events()
    label = Label()
    status = fields.String(validate=validate.OneOf((ACTIVE, DISABLED)))

    def __init__(self, private: str = "") -> None:
        super().__init__()
        cast(Url, self.fields["url"]).allowed = Allowed(private)


class WebhookSchema(WebhookPatchSchema):
    """The body of `POST /v1/webhooks`."""

    url = Url(required=True)
    status = fields.String(dump_only=True)


@cache
def webhook_schema(private: str) -> WebhookSchema:
    """Return the one schema that allows these private targets."""
    return WebhookSchema(private)


@cache
def webhook_patch_schema(private: str) -> WebhookPatchSchema:
    """Return the one schema of patches that allows these private targets."""
    return WebhookPatchSchema(private)


@dataclass(frozen=True)
class DeliveriesQuery:
    limit: int = 20
    offset: int = 0
    state: str | None = None


class DeliveriesQuerySchema(Schema):
    """The query of `GET /v1/webhooks/{id}/deliveries`."""

    limit = Digits(1, 100)
    offset = Digits(0, MAX_OFFSET)
    state = fields.String(validate=validate.OneOf(STATES))

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> DeliveriesQuery:
        return DeliveriesQuery(**data)
