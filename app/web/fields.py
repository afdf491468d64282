"""Fields of query strings that every feature shares."""

from typing import Any

from marshmallow import ValidationError, fields


class Digits(fields.Field[int]):
    """A whole number in plain ASCII digits, or as a number in JSON; never clamped."""

    def __init__(self, lowest: int, highest: int) -> None:
        super().__init__()
        self.lowest, self.highest = lowest, highest

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value.lstrip("0")[:20] or "0")
        if type(value) is int and self.lowest <= value <= self.highest:
            return value
        raise ValidationError(f"Must be a whole number from {self.lowest} to {self.highest}.")


class Flag(fields.Field[bool]):
    """`true` or `false`, as words."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return bool(value == "true")


class Boolean(fields.Field[bool]):
    """`true` or `false` in JSON, and nothing that only looks like one."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value
