"""The route that explains how a phone number is read."""

from dataclasses import asdict

from flask import Blueprint, Response
from marshmallow import Schema

from app.api_keys.guard import require_scope
from app.contacts import store
from app.contacts.phone import explain, twins
from app.web.requests import database, load_query, settings
from app.web.responses import success

blueprint = Blueprint("phone", __name__, url_prefix="/v1/phone")

_no_query = Schema()


@blueprint.get("/<path:input>")
@require_scope("contacts:read")
def get_phone(input: str) -> Response:
    load_query(_no_query)
    explanation = explain(input, settings().phone_check)
    stored = database().connection()
    return success(
        {
            "phone": {
                **asdict(explanation),
                "twins": [
                    {"phone": twin, "exists": store.find_contact(stored, twin) is not None}
                    for twin in twins(explanation.result or "")
                ],
            }
        }
    )
