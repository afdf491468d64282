"""The private or undocumented members of other packages that the code uses.

Fails first after an upgrade, and names the file that uses what is missing or has changed.
"""

import inspect
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask, Response
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import errors, get_parser, wsgi
from gunicorn.sock import BaseSocket
from gunicorn.workers import gthread
from gunicorn.workers.base import Worker
from marshmallow import Schema, ValidationError, fields
from urllib3.connection import HTTPConnection
from werkzeug.routing import Rule

WORKER = "app/serving/worker.py"
SERVER = "app/serving/server.py"
APPLICATION = "app/web/__init__.py"
ThreadWorker = gthread.ThreadWorker


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def names_in(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the globals and attributes that a function reads or sets."""
    return function.__code__.co_names


@pytest.mark.parametrize(
    ("function", "expected", "user"),
    [
        (ThreadWorker.init_process, ["self"], WORKER),
        (ThreadWorker.init_signals, ["self"], WORKER),
        (ThreadWorker.notify, ["self"], WORKER),
        (ThreadWorker.handle_exit, ["self", "sig", "frame"], WORKER),
        (ThreadWorker.handle_quit, ["self", "sig", "frame"], WORKER),
        (ThreadWorker.get_thread_pool, ["self"], WORKER),
        (ThreadWorker.enqueue_req, ["self", "conn"], WORKER),
        (ThreadWorker.finish_request, ["self", "conn", "fs"], WORKER),
        (ThreadWorker.wait_for_and_dispatch_events, ["self", "timeout"], WORKER),
        (ThreadWorker.handle, ["self", "conn"], WORKER),
        (ThreadWorker.handle_request, ["self", "req", "conn"], WORKER),
        (ThreadWorker.handle_error, ["self", "req", "client", "addr", "exc"], WORKER),
        (util.write_nonblock, ["sock", "data", "chunked"], WORKER),
        (BaseApplication.load_config, ["self"], SERVER),
        (BaseApplication.load, ["self"], SERVER),
        (Logger.setup, ["self", "cfg"], SERVER),
        (Logger._set_handler, ["self", "log", "output", "fmt", "stream"], SERVER),
        (Flask.preprocess_request, ["self"], APPLICATION),
        (Flask.process_response, ["self", "response"], APPLICATION),
        (Flask.create_url_adapter, ["self", "request"], APPLICATION),
        (Flask.do_teardown_request, ["self", "exc"], APPLICATION),
        (Rule._compile_builder, ["self", "append_unknown"], APPLICATION),
        (fields.Field._deserialize, ["self", "value", "attr", "data", "kwargs"], "*/fields.py"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_function_takes_the_expected_parameters(
    function: Callable[..., Any], expected: list[str], user: str
) -> None:
    assert parameters(function) == expected, f"{user} overrides or calls {function.__qualname__}"


@pytest.mark.parametrize(
    ("function", "name", "user"),
    [
        # The two places that wait for the seconds that we set.
        (ThreadWorker.handle, "DEFAULT_WORKER_DATA_TIMEOUT", WORKER),
        (ThreadWorker._keepalive_after, "DEFAULT_WORKER_DATA_TIMEOUT", WORKER),
        # Our overrides are what gunicorn calls.
        (ThreadWorker.init_process, "get_thread_pool", WORKER),
        (ThreadWorker.accept, "enqueue_req", WORKER),
        (ThreadWorker.on_client_socket_readable, "enqueue_req", WORKER),
        (ThreadWorker.run, "wait_for_and_dispatch_events", WORKER),
        (ThreadWorker.run, "shutdown", "app/thread_pool.py"),
        (ThreadWorker.finish_request, "cancelled", WORKER),
        (ThreadWorker.finish_request, "result", WORKER),
        (ThreadWorker.__init__, "method_queue", WORKER),
        (Arbiter.setup, "num_workers", SERVER),
        (Arbiter.spawn_worker, "WORKERS", SERVER),
        (ThreadWorker.handle, "handle_request", WORKER),
        (ThreadWorker.handle, "handle_error", WORKER),
        (ThreadWorker.run, "notify", WORKER),
        (Worker.init_process, "init_signals", WORKER),
        (Logger.setup, "_set_handler", SERVER),
        (BaseApplication.__init__, "do_load_config", SERVER),
        (BaseApplication.do_load_config, "load_config", SERVER),
        (Rule.compile, "_compile_builder", APPLICATION),
        # Attributes of other packages that our code uses.
        (Worker.__init__, "log", WORKER),
        (Worker.load_wsgi, "wsgi", f"{WORKER}, {SERVER}"),
        (Logger.__init__, "error_log", SERVER),
        (BaseApplication.load_default_config, "cfg", SERVER),
        (BaseSocket.__init__, "sock", SERVER),
        (Arbiter.start, "LISTENERS", SERVER),
        (BaseApplication.wsgi, "callable", SERVER),
        (Response.call_on_close, "_on_close", "app/web/responses.py"),
        # What our overrides skip where no hook is registered.
        (Flask.preprocess_request, "before_request_funcs", APPLICATION),
        (Flask.process_response, "after_request_funcs", APPLICATION),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_function_uses_the_name(function: Callable[..., Any], name: str, user: str) -> None:
    assert name in names_in(function), f"{user} relies on {name} in {function.__qualname__}"


def test_worker_calls_notify_every_second() -> None:
    source = inspect.getsource(ThreadWorker.run)
    waits = "wait_for_and_dispatch_events(timeout=1.0)"
    assert waits in source, f"{WORKER} ends slow requests in notify()"


def test_connection_that_is_deferred_is_neither_kept_nor_closed() -> None:
    assert not isinstance(gthread._DEFER, bool), f"{WORKER} lingers where handle() returns False"


@pytest.mark.parametrize(
    "name",
    ["LimitRequestLine", "LimitRequestHeaders", "ExpectationFailed", "UnsupportedTransferCoding"],
)
def test_error_of_parsing_exists(name: str) -> None:
    assert issubclass(getattr(errors, name), errors.ParseException), f"{WORKER} gives it a status"


def test_connection_and_request_have_the_attributes_that_we_use() -> None:
    cfg = Config()
    ours, peer = socket.socketpair()
    with closing(ours), closing(peer):
        connection = gthread.TConn(cfg, ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
        assert connection.sock is ours, f"{WORKER} uses TConn.sock"
        assert {connection: 1}, f"{WORKER} has connections as keys"
        peer.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        ours.setblocking(True)
        request = next(get_parser(cfg, ours, connection.client))
        assert ("CONTENT-LENGTH", "2") in request.headers, f"{WORKER} reads Request.headers"
        request.body.renew = None  # worker.py adds it there, for web/requests.py to find it.
        _, environ = wsgi.create(request, ours, connection.client, connection.server, cfg)
    assert environ["wsgi.input"] is request.body, "app/web/requests.py uses the body's renew"
    assert environ["wsgi.input_terminated"] is True, "app/web/requests.py reads chunked bodies"
    assert environ["gunicorn.socket"] is ours, "app/standin/exchanges.py drops the connection"


def test_http_connection_has_its_socket() -> None:
    assert hasattr(HTTPConnection("127.0.0.1"), "sock"), "app/webhooks/sender.py sets its time-out"


class _Any(fields.Field[Any]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value == "null":
            raise self.make_error("null")
        return value, attr, data


class _Example(Schema):
    known = _Any()
    shown = fields.String(dump_only=True)


def test_schema_has_its_fields_for_loading() -> None:
    schema = _Example()
    assert list(schema.load_fields) == ["known"], "app/contacts/schemas.py, app/web/loading.py"
    assert schema.fields["shown"].dump_only, "app/web/loading.py tells read-only fields"


def test_field_is_deserialized_by_its_own_method() -> None:
    field = _Example().load_fields["known"]
    given = {"known": 1}
    assert field._deserialize(1, "known", given) == field.deserialize(1, "known", given), (
        "app/contacts/schemas.py calls _deserialize in place of load"
    )


def test_unknown_field_is_reported_in_these_words() -> None:
    with pytest.raises(ValidationError) as caught:
        _Example().load({"known": "null", "other": 1})
    reasons = {"known": [fields.Field.default_error_messages["null"]], "other": ["Unknown field."]}
    assert caught.value.messages == reasons, "app/web/loading.py, app/web/fields.py"


def test_converter_of_openapi_takes_functions_for_fields() -> None:
    spec = APISpec("Example", "1", "3.1.0")
    converter = OpenAPIConverter("3.1.0", lambda _: "", spec)
    converter.add_attribute_function(lambda self, field, **_: {"type": "ours"})
    converter.add_parameter_attribute_function(lambda self, field, *, ret, **_: {"style": "ours"})
    user = "app/api_docs/document.py"
    schema = converter.schema2jsonschema(_Example())
    assert schema["properties"]["known"]["type"] == "ours", user
    assert schema["properties"]["shown"]["readOnly"] is True, user
    [parameter] = converter.schema2parameters(_Example(), location="query")
    assert parameter["name"] == "known", user
    assert (parameter["style"], parameter["schema"]["type"]) == ("ours", "ours"), user
