"""What all HTTP features share; it imports none of them."""

from collections.abc import Callable
from typing import Any, cast

import flask
from flask import Flask
from flask.ctx import RequestContext
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter, Rule

from app.web import cors, health, observation, responses
from app.web.converters import NameConverter
from app.web.requests import Request, current
from app.web.responses import Response
from app.web.service import service_of


class NoSession(SessionInterface):
    """Without a session, where Flask makes an empty one for each request."""

    _session = NullSession()

    def open_session(self, *_: object) -> NullSession:
        return self._session


class Route(Rule):
    """A route that matches paths. Nothing builds URLs, and preparing that takes most of a start."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _build_nothing


def _build_nothing(*_: object) -> tuple[str, str]:
    raise NotImplementedError("no code builds URLs from routes")


class Application(Flask):
    """Flask without what no route needs: sessions, hooks of blueprints, routes by host."""

    url_rule_class = Route
    request_class = Request
    response_class = Response
    session_interface = NoSession()

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        context = super().request_context(environ)
        context.request.service = service_of(self)  # type: ignore[attr-defined]
        return context

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "", "", "http", request.path, request.method)

    def do_teardown_request(self, *_: object) -> None:
        """Do nothing: no part registers a function for it."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # All views are synchronous; looking that up at each call takes time.

    def preprocess_request(self) -> Any:
        """Run the hooks of CORS and of a stand-in, where there are any."""
        return super().preprocess_request() if self.before_request_funcs else None

    def process_response(self, response: flask.Response) -> flask.Response:
        """Run those hooks, add what all responses have, and record the request."""
        if self.after_request_funcs:
            response = super().process_response(response)
        request = current()
        responses.finish(cast(Response, response), request)
        observation.observe(request, response)
        return response

    def make_default_options_response(self) -> Response:
        response = cast(Response, super().make_default_options_response())
        response.status_code = 204
        del response.headers["Content-Type"]
        return response


def register(app: Flask) -> None:
    app.url_map.converters["name"] = NameConverter
    responses.register(app)
    cors.register(app)
    app.register_blueprint(health.blueprint)
