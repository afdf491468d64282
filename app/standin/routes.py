"""`/stand-in/…`: what a developer does with a stand-in. No key is asked for, nothing is counted."""

import re
from typing import Any

from flask import Blueprint, Response, request

from app import clock
from app.errors import Conflict, InvalidInput, NotFound, StartError, Unavailable
from app.standin import inbox
from app.standin.schemas import AdvanceSchema, FaultSchema
from app.standin.state import MOST_SNAPSHOTS, state
from app.web.requests import database, json_object, load
from app.web.responses import success

MAX_DELIVERY = 8 * 2**20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_advance, _fault = AdvanceSchema(), FaultSchema()

blueprint = Blueprint("standin", __name__, url_prefix="/stand-in")

ROUTES = {
    "/stand-in/reset": {"POST": "all as when the server started"},
    "/stand-in/snapshot": {"GET": "the names of the snapshots"},
    "/stand-in/snapshot/{name}": {"POST": "keep the store as it is"},
    "/stand-in/restore/{name}": {"POST": "put it back"},
    "/stand-in/clock": {"GET": "its time", "POST": 'move it: {"advance_seconds": 300}'},
    "/stand-in/faults": {
        "GET": "the rules of the faults",
        "POST": 'add one: {"method": "POST", "path": "/v1/contacts", "code": 503, "count": 2}',
        "DELETE": "remove them all",
    },
    "/stand-in/requests": {"GET": "the last 1,000 requests, the newest first"},
    "/stand-in/inbox": {
        "GET": "the webhooks that came, the newest first",
        "POST": "where a webhook may point",
        "DELETE": "empty it",
    },
}


@blueprint.get("")
def get_routes() -> Response:
    return success({"routes": ROUTES, "time": clock.timestamp()})


@blueprint.post("/reset")
def post_reset() -> Response:
    _replace(lambda: state().reset())
    return success({"reset": True})


@blueprint.get("/snapshot")
def get_snapshots() -> Response:
    return success({"snapshots": state().snapshots()})


@blueprint.post("/snapshot/<name>")
def post_snapshot(name: str) -> Response:
    if not _NAME.fullmatch(name):
        raise InvalidInput({"name": ["Must be 1 to 64 of A-Z a-z 0-9 _ . -, no . or - first."]})
    if not _replace(lambda: state().snapshot(name)):
        raise Conflict(f"There are {MOST_SNAPSHOTS} snapshots already: use one of their names.")
    return success({"snapshot": name}, 201)


@blueprint.post("/restore/<name>")
def post_restore(name: str) -> Response:
    if not (_NAME.fullmatch(name) and _replace(lambda: state().restore(name))):
        raise NotFound("No such snapshot: GET /stand-in/snapshot lists them.")
    return success({"restored": name})


def _replace(act: Any) -> Any:
    try:
        return act()
    except (StartError, OSError) as error:
        raise Unavailable(f"The store could not be copied: {error}") from error


@blueprint.get("/clock")
def get_clock() -> Response:
    return success({"clock": _clock()})


@blueprint.post("/clock")
def post_clock() -> Response:
    seconds = load(_advance, json_object())["advance_seconds"]
    if not state().clock.advance(seconds):
        raise InvalidInput({"advance_seconds": ["Too far: POST /stand-in/reset goes back."]})
    return success({"clock": _clock()})


def _clock() -> dict[str, Any]:
    return {"now": clock.timestamp(), "advanced_seconds": state().clock.moved()[0] / 10**9}


@blueprint.get("/faults")
def get_faults() -> Response:
    return success({"faults": [_shown(each) for each in state().faults.all()]})


@blueprint.post("/faults")
def post_fault() -> Response:
    rule = state().faults.add(load(_fault, json_object()))
    if rule is None:
        raise Conflict("There are too many rules: DELETE /stand-in/faults removes them.")
    return success({"fault": _shown(rule)}, 201)


@blueprint.delete("/faults")
def delete_faults() -> Response:
    state().faults.clear()
    return success({"faults": []})


def _shown(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != "key" or value is None}


@blueprint.get("/requests")
def get_requests() -> Response:
    return success({"requests": state().requests.records()})


@blueprint.get("/inbox")
def get_inbox() -> Response:
    return success({"deliveries": state().inbox.records()})


@blueprint.post("/inbox")
def post_inbox() -> Response:
    """Take whatever comes, and look at how it was signed."""
    request.max_content_length = MAX_DELIVERY
    body = request.get_data()
    state().inbox.append(inbox.received(database(), request.headers, body))
    return success({"received": True})


@blueprint.delete("/inbox")
def delete_inbox() -> Response:
    state().inbox.clear()
    return success({"deliveries": []})
