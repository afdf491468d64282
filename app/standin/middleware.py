"""What a stand-in does around each request: checks who asks, simulates errors, records it."""

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from flask import Flask, Response, current_app, request

from app import clock
from app.api_keys.guard import require_scope, secret
from app.errors import ServiceError
from app.standin import origins
from app.standin.faults import Fault, InvalidFault, Rule, digest, parse_prefer
from app.standin.state import State, state
from app.web.observation import template
from app.web.requests import current
from app.web.responses import STATUSES, error_response

OWN = "/stand-in"
INBOX = "/stand-in/inbox"
MAX_SENT = 1_000
MAX_REASON = 5_000
RETRY_AFTER = 1

_EXCHANGE = "contacts.standin"
_CODES = {status: code for code, status in reversed(STATUSES.items())}
_SIMULATED = "The stand-in simulates this error, as requested."
_LIMITED = "Too many requests. Please wait before retrying."


class InvalidPreference(ServiceError):
    code = "bad_request"


@dataclass
class Exchange:
    """One request and its response, as `/stand-in/requests` lists it."""

    started: int = field(default_factory=time.perf_counter_ns)
    sent: bytes = b""
    fault: Fault | None = None
    record: dict[str, Any] = field(default_factory=dict)


class Recorder:
    """A WSGI application around the service's own; records requests and drops responses."""

    def __init__(self, app: Flask, found: State) -> None:
        self._app = app.wsgi_app
        self._state = found

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(OWN) and path != INBOX:
            return self._app(environ, start_response)
        exchange = environ[_EXCHANGE] = Exchange()
        environ["wsgi.input"] = _RecordedBody(environ["wsgi.input"], exchange)
        response = self._app(environ, start_response)
        drop = bool(exchange.fault and exchange.fault.drop)
        self._state.requests.add(
            {
                **exchange.record,
                "sent": exchange.sent.decode(errors="replace"),
                "fault": str(exchange.fault) if exchange.fault else None,
                "dropped": drop,
                "ms": round((time.perf_counter_ns() - exchange.started) / 1e6, 1),
            },
            exchange.started,
        )
        return _drop(environ, response) if drop else response


class _RecordedBody:
    """A request's body, whose first bytes are recorded as they are read."""

    def __init__(self, stream: Any, exchange: Exchange) -> None:
        self._stream, self._exchange = stream, exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self.readline, b"")

    def read(self, *size: int) -> bytes:
        return self._record(self._stream.read(*size))

    def readline(self, *size: int) -> bytes:
        return self._record(self._stream.readline(*size))

    def _record(self, data: bytes) -> bytes:
        self._exchange.sent = (self._exchange.sent + data[:MAX_SENT])[:MAX_SENT]
        return data


def _drop(environ: dict[str, Any], response: Iterable[bytes]) -> Iterable[bytes]:
    """Close the connection instead of sending a response; what the request wrote stays."""
    close: Callable[[], object] = getattr(response, "close", lambda: None)
    close()
    connection: socket.socket | None = environ.get("gunicorn.socket")
    if connection is None:
        raise ConnectionAbortedError("the response is dropped, as requested")
    connection.shutdown(socket.SHUT_RDWR)
    return []


def register(app: Flask, found: State) -> None:
    app.before_request(_check_origin)
    app.before_request(_simulate)
    app.after_request(_record)
    app.wsgi_app = Recorder(app, found)  # type: ignore[method-assign]


def _check_origin() -> None:
    origins.check(request.environ.get("HTTP_HOST"), request.environ.get("HTTP_ORIGIN"))


def _exchange() -> Exchange | None:
    return cast(Exchange | None, request.environ.get(_EXCHANGE))


def _simulate() -> Response | None:
    exchange = _exchange()
    if exchange is None or request.method == "OPTIONS":
        return None
    try:
        fault = parse_prefer(request.headers.get("Prefer", ""))
    except InvalidFault as error:
        raise InvalidPreference(f"Prefer: {error}") from None
    exchange.fault = fault = fault or state().faults.next_fault(_matches)
    if fault is None:
        return None
    time.sleep(fault.delay)
    return None if fault.code is None or request.url_rule is None else _respond(fault.code)


def _matches(rule: Rule) -> bool:
    route = request.url_rule and template(request.url_rule.rule)
    return (
        rule["method"] in (None, request.method)
        and rule["path"] in (None, request.path, route)
        and rule["key"] in (None, digest(secret(current())))
    )


def _respond(status: int) -> Response:
    """Respond with a status, unless the request's key is rejected or its limit is used up."""
    scope = getattr(current_app.view_functions[str(request.endpoint)], "scope", None)
    if scope is None:
        return _error(status)
    guarded = require_scope(None if scope == "any" else scope)(partial(_error, status))
    return cast(Response, guarded())


def _error(status: int) -> Response:
    if status not in _CODES:
        # A status that the service never returns: the response of a proxy in front of it.
        return Response(f"<html><body>{status}</body></html>\n", status, mimetype="text/html")
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if status == 422:
        more["details"] = {"phone": [_SIMULATED]}
    if status == 429:
        more["retry_after_seconds"] = RETRY_AFTER
        reset = clock.time_ns() // 10**9 + RETRY_AFTER
        if quota := current().quota:
            current().quota = replace(quota, remaining=0, reset=reset)
    if status in (429, 503):
        headers["Retry-After"] = str(RETRY_AFTER)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
        current().quota = None
    message = _LIMITED if status == 429 else _SIMULATED
    response = error_response(_CODES[status], message, status, **more)
    response.headers.update(headers)
    return response


def _record(response: Response) -> Response:
    exchange = _exchange()
    if exchange is None:
        return response
    if exchange.fault:
        response.headers["Preference-Applied"] = str(exchange.fault)
    key, quota = current().key, current().quota
    exchange.record = {
        "at": clock.timestamp(),
        "request_id": current().id,
        "method": request.method,
        "path": request.full_path.removesuffix("?")[:MAX_SENT],
        "key": key.label if key else None,
        "remaining": quota.remaining if quota else None,
        "status": response.status_code,
        "error": _reason(response),
    }
    return response


def _reason(response: Response) -> Any:
    """Return why a request was rejected, None if it was not."""
    if response.status_code < 400 or not response.is_json:
        return None
    error = response.get_json().get("error", {})
    if len(response.get_data()) > MAX_REASON:
        error = error | {
            "message": str(error.get("message"))[:MAX_SENT],
            "details": "too many to show",
        }
    return error
