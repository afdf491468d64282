"""Parses strict JSON (RFC 8259): one object, no duplicate keys, no NaN, limited nesting."""

import json
from typing import Any, NoReturn

from app.errors import InvalidJson

MAX_DEPTH = 32
_NOT_JSON = "The body must be one complete JSON object in UTF-8"


def parse_object(text: bytes) -> dict[str, Any]:
    """Raises `InvalidJson` if the text is truncated, not UTF-8, or not a JSON object."""
    try:
        value = _decoder.decode(text.decode())
    except UnicodeDecodeError:
        raise InvalidJson(f"{_NOT_JSON}: it is not UTF-8.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InvalidJson(f"{_NOT_JSON}: {error.msg} at {place}.") from None
    except RecursionError:
        raise InvalidJson(f"{_NOT_JSON}: nested too deeply.") from None
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise InvalidJson(f"{_NOT_JSON}: nested more than {MAX_DEPTH} deep.")
    if not isinstance(value, dict):
        raise InvalidJson(f'{_NOT_JSON}, such as {{"phone": "918856879188"}}.')
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise InvalidJson(f"{_NOT_JSON}: a key appears twice.")
    return result


def _constant(name: str) -> NoReturn:
    raise InvalidJson(f"{_NOT_JSON}: {name} is not a JSON number.")


def _integer(digits: str) -> int:
    # 32 digits are beyond the limit of every field; Python rejects more than 4,300.
    return int(digits[:32])


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, dict | list)
        ]
    return depth


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
