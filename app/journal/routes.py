"""The changes feed over HTTP."""

from dataclasses import replace

from flask import Blueprint, Response

from app.api_keys.guard import require_scope
from app.journal import handlers, store
from app.journal.long_poll import WAITERS, LongPollSlots
from app.journal.model import Event
from app.journal.schemas import ChangesQuery, ChangesQuerySchema
from app.web.paging import link_next
from app.web.requests import current, database, load_query
from app.web.responses import json_response

blueprint = Blueprint("journal", __name__, url_prefix="/v1")

_changes_query = ChangesQuerySchema()


@blueprint.get("/changes")
@require_scope("contacts:read")
def get_changes() -> Response:
    query: ChangesQuery = load_query(_changes_query)
    found, next_after = _read(query)
    if found or not query.wait:
        return _answer(found, next_after)
    running = current().service
    slots = LongPollSlots(running.long_polls, running.stopping)
    with slots.take() as taken:
        if not taken:
            response = _answer(found, next_after)
            response.headers["Retry-After"] = "1"
            return response
        found, next_after = _wait(slots, query, next_after)
    return _answer(found, next_after)


def _wait(slots: LongPollSlots, query: ChangesQuery, after: int) -> tuple[list[Event], int]:
    found: list[Event] = []

    def has_events() -> bool:
        nonlocal found, after
        database().connection().number_changes()
        if store.last_seq(database().connection()) > after:
            found, after = _read(replace(query, after=after))
        return bool(found)

    counters = database().counters
    counters.add({WAITERS: 1})
    try:
        slots.wait(query.wait, has_events)
    finally:
        counters.add({WAITERS: -1})
    return found, after


def _read(query: ChangesQuery) -> tuple[list[Event], int]:
    database().connection().number_changes()
    with database().snapshot() as snapshot:
        return handlers.read_changes(snapshot, query.after, query.limit, query.types)


def _answer(events: list[Event], next_after: int) -> Response:
    changes = ",".join(each.json() for each in events)
    response = json_response(f'{{"success":true,"changes":[{changes}],"next_after":{next_after}}}')
    if next_after < store.last_seq(database().connection()):
        link_next(response, "after", next_after)
    return response
