"""The route that shows the history of one contact: its events in the journal."""

from flask import Blueprint, Response

from app.api_keys.guard import require_scope
from app.compact_json import encode
from app.contacts import handlers
from app.contacts.ids import phone_of
from app.contacts.schemas import HistoryQuery, HistoryQuerySchema
from app.journal import handlers as journal
from app.web.paging import link_next
from app.web.requests import database, load_query
from app.web.responses import json_response

blueprint = Blueprint("history", __name__, url_prefix="/v1/contacts")

_query = HistoryQuerySchema()


@blueprint.get("/<contact:id>/history")
@require_scope("contacts:read")
def get_contact_history(id: str) -> Response:
    query: HistoryQuery = load_query(_query)
    database().connection().number_changes()
    with database().snapshot() as snapshot:
        contact = handlers.find_contact(snapshot, phone_of(id))
        found, before = journal.read_history(
            snapshot, contact.phone, before=query.cursor, limit=query.limit
        )
    pagination = {"limit": query.limit, "next_cursor": None if before is None else str(before)}
    events = ",".join(each.json() for each in found)
    response = json_response(
        f'{{"success":true,"history":[{events}],"pagination":{encode(pagination)}}}'
    )
    if before is not None:
        link_next(response, "cursor", before)
    return response
