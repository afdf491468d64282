"""What a request brings: its whole body or a refusal, strict JSON, checked parameters."""

import difflib
import json
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import IO, Any, NoReturn, cast

import marshmallow
from flask import current_app, request

from app.database import Database
from app.errors import (
    InvalidJson,
    PayloadTooLarge,
    ServiceError,
    UnsupportedMediaType,
    ValidationError,
)
from app.settings import Settings
from app.web.fields import MAX_REASONS

MAX_DEPTH = 32
PIECE = 2**14
SECONDS_FOR_CHUNKS = 0.5  # Of this thread's own work.
_MAX_ECHO = 64
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_NOT_JSON = "The body must be one complete JSON object in UTF-8"


def database() -> Database:
    return cast(Database, current_app.extensions["database"])


def settings() -> Settings:
    return cast(Settings, current_app.extensions["settings"])


def load(schema: marshmallow.Schema, data: dict[str, Any]) -> Any:
    """Check `data` by a schema. Raises `ValidationError` with a reason for each field at fault."""
    try:
        return schema.load(data)
    except marshmallow.ValidationError as error:
        reasons = cast(dict[str, Any], error.messages)
    details: dict[str, Any] = {}
    for (*path, name), reason in islice(_leaves(reasons), MAX_REASONS):
        place = details
        for step in path:
            place = place.setdefault(_cut(step), {})
        unknown = not path and reason == ["Unknown field."]
        place[_cut(name)] = _unknown(name, schema) if unknown else list(map(_printable, reason))
    raise ValidationError(details)


def _leaves(reasons: dict[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    for name, reason in reasons.items():
        if isinstance(reason, dict):
            yield from _leaves(reason, *path, name)
        else:
            yield (*path, name), reason


def load_query(schema: marshmallow.Schema) -> Any:
    """Check the query string by a schema; a parameter given twice is refused, unless the schema
    names it in `repeatable`: its values then come as a list.

    Clients ask the same again and again: what comes out is kept, and must not be changed.
    """
    return _query(schema, request.query_string)


@lru_cache(maxsize=256)
def _query(schema: marshmallow.Schema, query_string: bytes) -> Any:
    try:
        args = request.args
    except UnicodeDecodeError:
        raise ValidationError({"query": ["Must be percent-encoded UTF-8."]}) from None
    repeatable = getattr(schema, "repeatable", ())
    given = {name: values for name, values in args.lists() if name not in repeatable}
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise ValidationError({_cut(name): ["Given more than once."] for name in twice})
    lists = {name: args.getlist(name) for name in repeatable if name in args}
    return load(schema, {name: values[0] for name, values in given.items()} | lists)


def json_object(*media_types: str, limit: int | None = None) -> dict[str, Any]:
    """Return the body, one JSON object (RFC 8259); `media_types` are allowed beside JSON's own.

    It has at most `limit` bytes, or as many as the settings allow.

    Raises `UnsupportedMediaType`, `PayloadTooLarge`, or `InvalidJson` for what is cut short, not
    UTF-8, too deep, or has duplicate keys, NaN or Infinity.
    """
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in ("application/json", *media_types) or charset not in (
        "utf-8",
        "utf8",
    ):
        raise UnsupportedMediaType("Send the body as Content-Type: application/json, in UTF-8.")
    return _parsed(_whole_body(settings().max_body_bytes if limit is None else limit))


def _whole_body(limit: int) -> bytes:
    """Read all of the body. A server may hand over a part of one as if it were whole."""
    declared = request.content_length
    if declared is not None and declared > limit:
        raise _too_large(limit)
    if declared is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    stream = request.environ["wsgi.input"]
    try:
        body = stream.read(declared) if declared is not None else _chunks(stream, limit + 1)
    except ServiceError:
        raise
    except Exception as error:
        # Whatever the server raises for a stalled, cut or malformed body.
        raise InvalidJson("The body was cut short: send it again, whole.") from error
    if declared is None and len(body) > limit:
        raise _too_large(limit)
    if declared is not None and len(body) < declared:
        raise InvalidJson("The body was cut short: send it again, whole.")
    return body


def _chunks(stream: IO[bytes], most: int) -> bytes:
    """Read a body of unknown length; one in chunks of a byte or so costs far more than it holds."""
    body = bytearray()
    end = time.thread_time() + SECONDS_FOR_CHUNKS
    while len(body) < most and (piece := stream.read(min(PIECE, most - len(body)))):
        body += piece
        if time.thread_time() > end:
            raise InvalidJson("The body came in too many small chunks: send larger ones.")
    return bytes(body)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {limit} bytes: send less at once.")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
        )
    except UnicodeDecodeError:
        raise InvalidJson(f"{_NOT_JSON}: it is not UTF-8.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InvalidJson(f"{_NOT_JSON}: {error.msg} at {place}.") from None
    except RecursionError:
        raise InvalidJson(f"{_NOT_JSON}: nested too deep.") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise InvalidJson(f"{_NOT_JSON}: nested more than {MAX_DEPTH} deep.")
    if not isinstance(value, dict):
        raise InvalidJson(f'{_NOT_JSON}, such as {{"phone": "918856879188"}}.')
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise InvalidJson(f"{_NOT_JSON}: a key stands in it twice.")
    return result


def _constant(name: str) -> NoReturn:
    raise InvalidJson(f"{_NOT_JSON}: {name} is no JSON number.")


def _integer(digits: str) -> int:
    # Far outside what any field takes; Python itself refuses thousands of digits.
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


def _unknown(name: str, schema: marshmallow.Schema) -> list[str]:
    if name in schema.fields and schema.fields[name].dump_only:
        return ["Read-only: leave it out."]
    near = difflib.get_close_matches(name[:_MAX_ECHO], schema.load_fields, n=1)
    if near:
        return [f"Unknown: did you mean {near[0]}?"]
    known = ", ".join(schema.load_fields)
    return [f"Unknown: leave it out, or use one of {known}." if known else "Unknown: leave it out."]


def _cut(name: str) -> str:
    return _printable(name if len(name) <= _MAX_ECHO else name[:_MAX_ECHO] + "…")


def _printable(text: str) -> str:
    """Return text that can be sent: lone surrogates have no place in UTF-8."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)
