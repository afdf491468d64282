"""`/stand-in/…`: how a developer controls a stand-in, without a key and without a rate limit."""

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from app import clock
from app.errors import InvalidInput, StartError, Unavailable
from app.standin import inbox
from app.standin.schemas import AdvanceSchema, FaultSchema
from app.standin.state import state
from app.web.requests import current, database, json_object, load
from app.web.responses import success

MAX_DELIVERY = 8 * 2**20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_advance, _fault = AdvanceSchema(), FaultSchema()

blueprint = Blueprint("standin", __name__, url_prefix="/stand-in")

ROUTES = {
    "/stand-in/reset": {"POST": "return to the state at the start"},
    "/stand-in/snapshot": {"GET": "list the snapshots"},
    "/stand-in/snapshot/{name}": {"POST": "keep the content of the store under a name"},
    "/stand-in/restore/{name}": {"POST": "put it back"},
    "/stand-in/clock": {
        "GET": "show the time",
        "POST": 'move the clock forward: {"advance_seconds": 300}',
    },
    "/stand-in/faults": {
        "GET": "list the rules for simulated errors",
        "POST": 'add a rule: {"method": "POST", "path": "/v1/contacts", "code": 503, "count": 2}',
        "DELETE": "remove all rules",
    },
    "/stand-in/requests": {"GET": "list the last 1,000 requests, newest first"},
    "/stand-in/inbox": {
        "GET": "list the last 200 webhooks received, newest first",
        "POST": "receive a webhook",
        "DELETE": "empty the inbox",
    },
}


@blueprint.get("")
def get_routes() -> Response:
    return success({"routes": ROUTES, "time": clock.timestamp()})


@blueprint.post("/reset")
def post_reset() -> Response:
    _change(lambda: state().reset())
    return success({"reset": True})


@blueprint.get("/snapshot")
def get_snapshots() -> Response:
    return success({"snapshots": state().snapshots()})


@blueprint.post("/snapshot/<name>")
def post_snapshot(name: str) -> Response:
    if not _NAME.fullmatch(name):
        raise InvalidInput({"name": ["Must be 1 to 64 of A-Z a-z 0-9 _ . -, no . or - first."]})
    _change(lambda: state().snapshot(name))
    return success({"snapshot": name}, 201)


@blueprint.post("/restore/<name>")
def post_restore(name: str) -> Response:
    _change(lambda: state().restore(name))
    return success({"restored": name})


def _change(act: Callable[[], bool | None]) -> bool | None:
    """Run what may fail because of the disk or the store; such a failure is a 503."""
    try:
        return act()
    except (StartError, OSError) as error:
        raise Unavailable(f"The data folder cannot be used: {error}") from error


@blueprint.get("/clock")
def get_clock() -> Response:
    return success({"clock": _clock()})


@blueprint.post("/clock")
def post_clock() -> Response:
    seconds = load(_advance, json_object())["advance_seconds"]
    if not _change(lambda: state().clock.advance(seconds)):
        reason = "Too far in the future: POST /stand-in/reset returns to the real time."
        raise InvalidInput({"advance_seconds": [reason]})
    return success({"clock": _clock()})


def _clock() -> dict[str, Any]:
    return {"now": clock.timestamp(), "advanced_seconds": clock.offsets()[0] / 10**9}


@blueprint.get("/faults")
def get_faults() -> Response:
    return success({"faults": [_shown(each) for each in state().faults.all()]})


@blueprint.post("/faults")
def post_fault() -> Response:
    rule = state().faults.add(load(_fault, json_object()))
    return success({"fault": _shown(rule)}, 201)


@blueprint.delete("/faults")
def delete_faults() -> Response:
    state().faults.clear()
    return success({"faults": []})


def _shown(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != "key" or value is None}


@blueprint.get("/requests")
def get_requests() -> Response:
    return success({"requests": state().requests.newest_first()})


@blueprint.get("/inbox")
def get_inbox() -> Response:
    return success({"deliveries": state().inbox.newest_first()})


@blueprint.post("/inbox")
def post_inbox() -> Response:
    """Accept any body, and verify its signatures."""
    request.max_content_length = MAX_DELIVERY
    body = request.get_data()
    state().inbox.add(inbox.to_record(database(), request.headers, body), current().started)
    return success({"received": True})


@blueprint.delete("/inbox")
def delete_inbox() -> Response:
    state().inbox.clear()
    return success({"deliveries": []})
