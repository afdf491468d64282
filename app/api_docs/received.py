"""Describes the requests that webhooks receive."""

from app.api_docs.events import EVENTS, model_name
from app.api_docs.json_schema import INTEGER, STRING, JsonSchema, constant, shape
from app.webhooks.model import TEST
from app.webhooks.outbox import SAMPLE

# The tag of these requests. Generators of clients make no calls of what has another one.
RECEIVERS = {"name": "Receivers", "description": "Requests that your own servers receive."}
WEBHOOK_ID: JsonSchema = {"type": "string", "pattern": "^whk_[0-9a-f]{16}$"}
_HEADERS: dict[str, str] = {
    "X-AISoule-Signature": "`sha256=` and the hex HMAC-SHA256 of the raw body. The key is the "
    "whole current secret, with `whsec_`.",
    "webhook-id": "Id of the delivery; the same at every attempt. Use it to ignore repeats.",
    "webhook-timestamp": "Time of this attempt, in Unix seconds.",
    "webhook-signature": "Signature of id, timestamp and body as in Standard Webhooks. While a "
    "secret is rotated, one for each secret, separated by a space.",
}
_OPTIONAL_HEADERS: dict[str, str] = {
    "X-Contacts-Seq": "Sequence number of the event, as in the changes feed. Absent in a test.",
    "X-Contacts-Actor": "Id of the API key that made the change. Absent for commands and tests.",
}
_TESTED: JsonSchema = {
    "type": "object",
    "description": "The data of an event, with an invented contact, and the id of the webhook.",
    "properties": {"webhook": WEBHOOK_ID},
    "required": ["webhook", *SAMPLE],
}
_RECEIVED: JsonSchema = {
    "2XX": {"description": "Delivered. Only the start of the response is read."},
    "default": {
        "description": "The request is retried after 10 s, 60 s and 5 min, unless the operator "
        "sets `CONTACTS_WEBHOOK_RETRIES`; so are requests "
        "without a response within 10 s. After that the delivery is dead. Redirects are not "
        "followed."
    },
}


def _sent(event: str, meaning: str, data: JsonSchema) -> JsonSchema:
    """Describe the request that sends an event to a receiver."""
    body = shape(
        event=constant(event),
        timestamp={**INTEGER, "description": "Time of the event, in Unix seconds."},
        data=data,
    )
    return {
        "post": {
            "summary": meaning,
            "description": "Sent at least once, in order for each contact.",
            "operationId": f"receive{model_name(event)}",
            "tags": [RECEIVERS["name"]],
            "parameters": [
                {
                    "in": "header",
                    "name": name,
                    "required": name in _HEADERS,
                    "description": description,
                    "schema": STRING,
                }
                for name, description in {**_HEADERS, **_OPTIONAL_HEADERS}.items()
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": _RECEIVED,
        }
    }


RECEIVED: dict[str, JsonSchema] = {
    event: _sent(event, meaning, data)
    for event, (meaning, data) in {
        **EVENTS,
        TEST: ("A test was requested", _TESTED),
    }.items()
}
