"""Reads requests: the checked query, the whole JSON body, or a body in chunks."""

import os
import re
import socket
import time
from collections.abc import Callable, Generator
from functools import lru_cache
from typing import IO, Any, cast
from urllib.parse import unquote_to_bytes

import flask
import marshmallow
from werkzeug.http import parse_options_header

from app.database import Database
from app.errors import (
    CutShort,
    InvalidInput,
    InvalidJson,
    PayloadTooLarge,
    ServiceError,
    UnsupportedMediaType,
)
from app.settings import Settings
from app.web.loading import load as load
from app.web.loading import printable_name
from app.web.rate_limit import Quota
from app.web.service import Service
from app.web.strict_json import parse_object

CHUNK = 2**16
PIECE = 2**14
SECONDS_FOR_CHUNKS = 0.5  # Processor time of this thread.
_INCOMPLETE = "The body is incomplete: send it again."
_SANE_ID = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")


class Request(flask.Request):
    """A request with its id, the time of its start, and what its guard found out about it.

    `service` is that of its application. `key` is the API key, `quota` what that has left;
    `when_sent` is called after the response.
    """

    service: Service

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(environ, *args, **kwargs)
        self.started = time.perf_counter_ns()
        given = environ.get("HTTP_X_REQUEST_ID")
        self.id = given if given and _SANE_ID.fullmatch(given) else os.urandom(16).hex()
        self.key: Any = None
        self.quota: Quota | None = None
        self.when_sent: Callable[[], object] | None = None


def current() -> Request:
    """Return the request of this thread itself: each look-up through Flask's proxy takes time."""
    request: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    return request


def client_has_left() -> bool:
    """Return whether the client, or the proxy in front, has closed the connection (gunicorn)."""
    connection: socket.socket | None = current().environ.get("gunicorn.socket")
    if connection is None:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def database() -> Database:
    return current().service.db


def settings() -> Settings:
    return current().service.settings


def load_query(schema: marshmallow.Schema) -> Any:
    """Check the query string against a schema.

    A parameter that is given twice is rejected, unless the schema names it in `repeatable`: the
    value is then a list. Results are cached, since clients repeat queries: do not modify them.
    """
    return _query(schema, current().query_string)


@lru_cache(maxsize=256)
def _query(schema: marshmallow.Schema, query_string: bytes) -> Any:
    try:
        unquote_to_bytes(query_string).decode()
    except UnicodeDecodeError:
        raise InvalidInput({"query": ["Must be percent-encoded UTF-8."]}) from None
    args = current().args
    repeatable = getattr(schema, "repeatable", ())
    given = {name: values for name, values in args.lists() if name not in repeatable}
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise InvalidInput({printable_name(name): ["Given more than once."] for name in twice})
    lists = {name: args.getlist(name) for name in repeatable if name in args}
    return load(schema, {name: values[0] for name, values in given.items()} | lists)


def json_object(*media_types: str, limit: int | None = None) -> dict[str, Any]:
    """Return the body, one JSON object (RFC 8259) of `application/json` or `media_types`.

    `limit` is in bytes (default: the setting `max_body_bytes`). Raises `UnsupportedMediaType`,
    `PayloadTooLarge`, or `InvalidJson` for a body that is truncated, not UTF-8, too deeply nested,
    or has duplicate keys, NaN or Infinity.
    """
    if media_type() not in ("application/json", *media_types):
        raise UnsupportedMediaType("Send the body as Content-Type: application/json, in UTF-8.")
    return parse_object(_whole_body(settings().max_body_bytes if limit is None else limit))


def media_type() -> str | None:
    """Return the media type of the body, None if its charset is not UTF-8."""
    name, charset = content_type()
    return name if charset in (None, "utf-8", "utf8") else None


def content_type() -> tuple[str, str | None]:
    """Return the media type of the body, and its charset if one is named."""
    return _content_type(current().environ.get("CONTENT_TYPE", ""))


@lru_cache(maxsize=64)
def _content_type(header: str) -> tuple[str, str | None]:
    name, parameters = parse_options_header(header)
    charset = parameters.get("charset")
    return name.lower(), charset and charset.lower()


def _whole_body(limit: int) -> bytes:
    """Read the whole body. WSGI servers may pass on a truncated body without an error."""
    request = current()
    declared = request.content_length
    if declared is not None and declared > limit:
        raise _too_large(limit)
    if declared is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    stream = request.environ["wsgi.input"]
    try:
        body = stream.read(declared) if declared is not None else _joined(stream, limit + 1)
    except ServiceError:
        raise
    except Exception as error:
        # Whatever the WSGI server raises for a stalled, truncated or malformed body.
        raise InvalidJson(_INCOMPLETE) from error
    getattr(stream, "renew", _no_deadline)(False)
    if declared is None and len(body) > limit:
        raise _too_large(limit)
    if declared is not None and len(body) < declared:
        raise InvalidJson(_INCOMPLETE)
    return body


def _no_deadline(_: bool) -> None:
    """Replace `renew`, which only the streams of our own worker have."""


def body_chunks(limit: int) -> Generator[bytes]:
    """Yield the body in chunks as they arrive; our worker limits the time for each.

    Raises `PayloadTooLarge`, immediately if the length is declared, and `CutShort` after the last
    chunk of a truncated body.
    """
    request = current()
    declared = request.content_length
    if declared is not None and declared > limit:
        raise _too_large(limit)
    if declared is None and not request.environ.get("wsgi.input_terminated"):
        declared = 0
    return _chunks(request.environ["wsgi.input"], declared, limit)


def _chunks(stream: Any, declared: int | None, limit: int) -> Generator[bytes]:
    renew = getattr(stream, "renew", _no_deadline)
    read = 0
    try:
        while True:
            renew(True)
            chunk = _read(stream, CHUNK if declared is None else min(CHUNK, declared - read))
            renew(False)
            read += len(chunk)
            if read > limit:
                raise _too_large(limit)
            if not chunk:
                break
            yield chunk
    finally:
        renew(True)
    if declared is not None and read < declared:
        raise CutShort(_INCOMPLETE)


def _read(stream: Any, size: int) -> bytes:
    try:
        return cast(bytes, stream.read(size))
    except Exception as error:
        # Whatever the WSGI server raises for a stalled, truncated or malformed body.
        raise CutShort(_INCOMPLETE) from error


def _joined(stream: IO[bytes], most: int) -> bytes:
    """Read a body of unknown length, and reject one in chunks of a few bytes: it costs too much."""
    body = bytearray()
    end = time.thread_time() + SECONDS_FOR_CHUNKS
    while len(body) < most and (piece := stream.read(min(PIECE, most - len(body)))):
        body += piece
        if time.thread_time() > end:
            raise InvalidJson("The body came in too many small chunks: send larger ones.")
    return bytes(body)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {limit} bytes: send less at once.")
