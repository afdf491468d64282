"""The request bodies of `/stand-in/…`."""

from collections.abc import Callable
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from app.standin.faults import InvalidFault, check_code, check_delay, digest
from app.standin.movable_clock import MAX_SECONDS
from app.web.fields import Parsed, boolean, digits


def number(lowest: float, highest: float, **options: Any) -> Parsed[float]:
    """Accept a JSON number within bounds."""

    def parse(value: Any) -> float:
        if type(value) in (int, float) and lowest <= value <= highest:
            return cast(float, value)
        raise ValidationError(f"Must be a number from {lowest:g} to {highest:g}.")

    return Parsed(parse, {"type": "number", "minimum": lowest, "maximum": highest}, **options)


class AdvanceSchema(Schema):
    """The body of `POST /stand-in/clock`."""

    advance_seconds = number(0, MAX_SECONDS, required=True)


def prefer_field(check: Callable[[Any], Any], default: Any) -> Parsed[Any]:
    """Accept a part of a fault, with the same check as in a `Prefer` header."""

    def parse(value: Any) -> Any:
        try:
            return check(value)
        except InvalidFault as error:
            raise ValidationError(str(error)) from None

    return Parsed(parse, {}, load_default=default)


class FaultSchema(Schema):
    """The body of `POST /stand-in/faults`."""

    code = prefer_field(check_code, None)
    delay = prefer_field(check_delay, 0.0)
    drop = boolean(load_default=False)
    method = fields.String(
        load_default=None, validate=validate.OneOf(("GET", "POST", "PUT", "PATCH", "DELETE"))
    )
    path = fields.String(
        load_default=None,
        validate=validate.Regexp(r"/[^\n\ud800-\udfff]{0,500}\Z", error="Must be a path, /v1/…."),
    )
    key = fields.String(
        load_default=None,
        validate=validate.Regexp(r"[ -~]{1,200}\Z", error="Must be 1 to 200 characters of ASCII."),
    )
    count = digits(1, 1_000_000)
    probability = number(0, 1, load_default=None)
    seed = fields.Integer(load_default=0, strict=True)

    @validates_schema
    def _check_whole(self, data: dict[str, Any], **_: Any) -> None:
        if not (data["code"] or data["delay"] or data["drop"]):
            raise ValidationError("Must have one of code, delay and drop.", "code")

    @post_load
    def _to_rule(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["key"] = data["key"] and digest(data["key"])
        # Without `count` and `probability` a rule applies once.
        data.setdefault("count", None if data["probability"] is not None else 1)
        return data
