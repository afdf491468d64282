"""The request bodies of `/stand-in/…`."""

from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from app.standin.faults import InvalidFault, check_code, check_delay, digest
from app.standin.movable_clock import MAX_SECONDS
from app.web.fields import boolean, digits


class Number(fields.Field[float]):
    """A JSON number within bounds."""

    def __init__(self, lowest: float, highest: float, **more: Any) -> None:
        super().__init__(**more)
        self.lowest, self.highest = lowest, highest

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        if type(value) in (int, float) and self.lowest <= value <= self.highest:
            return cast(float, value)
        raise ValidationError(f"Must be a number from {self.lowest:g} to {self.highest:g}.")


class AdvanceSchema(Schema):
    """The body of `POST /stand-in/clock`."""

    advance_seconds = Number(0, MAX_SECONDS, required=True)


class Checked(fields.Field[Any]):
    """A part of a fault, with the same check as in a `Prefer` header."""

    def __init__(self, check: Any, default: Any) -> None:
        super().__init__(load_default=default)
        self.check = check

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        try:
            return self.check(value)
        except InvalidFault as error:
            raise ValidationError(str(error)) from None


class FaultSchema(Schema):
    """The body of `POST /stand-in/faults`."""

    code = Checked(check_code, None)
    delay = Checked(check_delay, 0.0)
    drop = boolean(load_default=False)
    method = fields.String(
        load_default=None, validate=validate.OneOf(("GET", "POST", "PUT", "PATCH", "DELETE"))
    )
    path = fields.String(
        load_default=None, validate=validate.Regexp(r"/.{0,500}\Z", error="Must be a path, /v1/….")
    )
    key = fields.String(load_default=None, validate=validate.Length(1, 200))
    count = digits(1, 1_000_000)
    probability = Number(0, 1, load_default=None)
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
