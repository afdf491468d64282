"""What happens to a request on its way through: it is written down, and faults are played."""

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from flask import Flask, Response, current_app, g, request

from app import clock
from app.api_keys.guard import require_scope, secret
from app.errors import ServiceError
from app.standin.faults import BadFault, Fault, Rule, digest, preferred
from app.standin.state import State, state
from app.web.observation import template
from app.web.responses import STATUSES, error_response

OWN = "/stand-in"
INBOX = "/stand-in/inbox"
MAX_SENT = 1_000
MAX_REASON = 5_000
RETRY_AFTER = 1

_PREFIX = "contacts.standin"
_CODES = {status: code for code, status in reversed(STATUSES.items())}
_PLAYED = "The stand-in plays this, as it was asked to."
_LIMITED = "Too many requests. Please wait before retrying."


class BadPreference(ServiceError):
    code = "bad_request"


@dataclass
class Exchange:
    """One request, as it is told at `/stand-in/requests`."""

    started: float = field(default_factory=time.monotonic)
    sent: bytes = b""
    fault: Fault | None = None
    told: dict[str, Any] = field(default_factory=dict)


class Transcript:
    """A WSGI application around the service's own."""

    def __init__(self, app: Flask) -> None:
        self._app = app.wsgi_app
        self._state: State = state(app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(OWN) and path != INBOX:
            return self._app(environ, start_response)
        exchange = environ[_PREFIX] = Exchange()
        environ["wsgi.input"] = _Kept(environ["wsgi.input"], exchange)
        answer = self._app(environ, start_response)
        drops = bool(exchange.fault and exchange.fault.drop)
        record = {
            **exchange.told,
            "sent": exchange.sent.decode(errors="replace"),
            "fault": str(exchange.fault) if exchange.fault else None,
            "dropped": drops,
            "ms": round(1_000 * (time.monotonic() - exchange.started), 1),
        }
        with suppress(OSError):  # A full disk: what the service says of it is the answer.
            self._state.requests.append(record)
        return _dropped(environ, answer) if drops else answer


class _Kept:
    """A request's body, of which the beginning is kept as it is read."""

    def __init__(self, stream: Any, exchange: Exchange) -> None:
        self._stream, self._exchange = stream, exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self.readline, b"")

    def read(self, *size: int) -> bytes:
        return self._keep(self._stream.read(*size))

    def readline(self, *size: int) -> bytes:
        return self._keep(self._stream.readline(*size))

    def _keep(self, data: bytes) -> bytes:
        self._exchange.sent = (self._exchange.sent + data[:MAX_SENT])[:MAX_SENT]
        return data


def _dropped(environ: dict[str, Any], answer: Iterable[bytes]) -> Iterable[bytes]:
    """Close the connection in place of an answer; what the request did is done."""
    close: Callable[[], object] = getattr(answer, "close", lambda: None)
    close()
    connection: socket.socket | None = environ.get("gunicorn.socket")
    if connection is None:
        raise ConnectionAbortedError("dropped, as was asked")
    connection.shutdown(socket.SHUT_RDWR)
    return []


def register(app: Flask) -> None:
    app.before_request(_play)
    app.after_request(_write_down)
    app.wsgi_app = Transcript(app)  # type: ignore[method-assign]


def _exchange() -> Exchange | None:
    found: Exchange | None = request.environ.get(_PREFIX)
    return found


def _play() -> Response | None:
    exchange = _exchange()
    if exchange is None:
        return None
    try:
        fault = preferred(request.headers.get("Prefer", ""))
    except BadFault as error:
        raise BadPreference(f"Prefer: {error}") from None
    exchange.fault = fault = fault or state().faults.play(_applies)
    if fault is None:
        return None
    time.sleep(fault.delay)
    return None if fault.code is None or request.url_rule is None else _refused(fault.code)


def _applies(rule: Rule) -> bool:
    route = request.url_rule and template(request.url_rule.rule)
    return (
        rule["method"] in (None, request.method)
        and rule["path"] in (None, request.path, route)
        and rule["key"] in (None, digest(secret()))
    )


def _refused(status: int) -> Response:
    """Answer with a status where the real answer would be: after the key and its limit."""
    scope = getattr(current_app.view_functions[str(request.endpoint)], "scope", None)
    if scope is None:
        return _failure(status)
    guarded = require_scope(None if scope == "any" else scope)(partial(_failure, status))
    return cast(Response, guarded())


def _failure(status: int) -> Response:
    if status not in _CODES:
        # As what stands in front of a server answers.
        return Response(f"<html><body>{status}</body></html>\n", status, mimetype="text/html")
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if status == 422:
        more["details"] = {"phone": [_PLAYED]}
    if status == 429:
        more["retry_after_seconds"] = RETRY_AFTER
        soon = clock.time_ns() // 10**9 + RETRY_AFTER
        g.quota = g.get("quota") and replace(g.quota, remaining=0, reset=soon)
    if status in (429, 503):
        headers["Retry-After"] = str(RETRY_AFTER)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
        g.quota = None
    response = error_response(
        _CODES[status], _LIMITED if status == 429 else _PLAYED, status, **more
    )
    response.headers.update(headers)
    return response


def _write_down(response: Response) -> Response:
    exchange = _exchange()
    if exchange is None:
        return response
    if exchange.fault:
        response.headers["Preference-Applied"] = str(exchange.fault)
    key, quota = g.get("api_key"), g.get("quota")
    exchange.told = {
        "at": clock.timestamp(),
        "request_id": g.request_id,
        "method": request.method,
        "path": request.full_path.removesuffix("?")[:MAX_SENT],
        "key": key.label if key else None,
        "remaining": quota.remaining if quota else None,
        "status": response.status_code,
        "error": _reason(response),
    }
    return response


def _reason(response: Response) -> Any:
    """Return why a request was refused, None where it was not."""
    if response.status_code < 400 or not response.is_json:
        return None
    error = response.get_json().get("error", {})
    if len(response.get_data()) > MAX_REASON:
        error = error | {
            "message": str(error.get("message"))[:MAX_SENT],
            "details": "too many to show",
        }
    return error
