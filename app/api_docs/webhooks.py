"""What is said of the routes of webhooks, and of what is sent to them."""

from app.api_docs.events import EVENTS
from app.api_docs.operation import (
    INSTANT,
    INTEGER,
    PAGINATION,
    STRING,
    Answer,
    Feature,
    JsonSchema,
    Operation,
    array,
    nullable,
    ref,
    shape,
    success,
)
from app.webhooks.handlers import HOURS_OF_PREVIOUS_SECRET
from app.webhooks.model import (
    ACTIVE,
    DISABLED,
    FAILING,
    MAX_ANSWER,
    MAX_WEBHOOKS,
    STATES,
    TEST,
)
from app.webhooks.schemas import (
    DeliveriesQuery,
    DeliveriesQuerySchema,
    WebhookPatchSchema,
    WebhookSchema,
)

_ID: JsonSchema = {"type": "string", "pattern": "^whk_[0-9a-f]{16}$"}
_DELIVERY_ID: JsonSchema = {"type": "string", "pattern": "^dlv_[0-9a-f]{24}$"}
_WEBHOOK: dict[str, JsonSchema] = {
    "id": _ID,
    "url": STRING,
    "label": STRING,
    "events": {
        **nullable(array({"enum": list(EVENTS)})),
        "description": "What it is told of; null means all, those of later versions too.",
    },
    "status": {
        "enum": [ACTIVE, FAILING, DISABLED],
        "description": f"`{FAILING}` after a dead delivery, until the next success; it "
        "is sent to as before.",
    },
    "previous_secret_until": {
        **nullable(INSTANT),
        "description": "Until when the secret before signs too.",
    },
    "created_at": INSTANT,
    "updated_at": INSTANT,
}
_DELIVERY: dict[str, JsonSchema] = {
    "id": {**_DELIVERY_ID, "description": "The `webhook-id` that is sent."},
    "event": {"enum": [*EVENTS, TEST]},
    "seq": {**nullable(INTEGER), "description": "The number of the change; null for a test."},
    "state": {"enum": list(STATES)},
    "attempt": {**INTEGER, "description": "How many attempts were made."},
    "attempted_at": {**nullable(INSTANT), "description": "When the last one was made."},
    "next_attempt_at": {
        **nullable(INSTANT),
        "description": "Null where there is none, or where others of the contact go before.",
    },
    "status": {**nullable(INTEGER), "description": "The HTTP status of the last answer."},
    "error": {**nullable(STRING), "description": "Why the last attempt failed."},
    "answer": {
        **nullable(STRING),
        "description": f"The first {MAX_ANSWER} bytes of the last answer; null once the contact is "
        "deleted.",
    },
    "duration_ms": nullable(INTEGER),
    "created_at": INSTANT,
    "finished_at": nullable(INSTANT),
}
_WITH_SECRET = success(
    webhook=shape(
        **_WEBHOOK,
        secret={
            "type": "string",
            "pattern": "^whsec_[A-Za-z0-9+/]{43}=$",
            "description": "Shown in this answer only.",
        },
    )
)
_UNKNOWN = (404, 422)
_QUEUED = Answer("It is queued: see the log of deliveries.", ref("OneDelivery"))

_HEADERS: dict[str, str] = {
    "X-AISoule-Signature": "`sha256=` and the hex HMAC-SHA256 of the raw body; its key is all of "
    "the newest secret, with `whsec_`.",
    "webhook-id": "The same each time a delivery is sent: know repeats by it.",
    "webhook-timestamp": "When this attempt was made, in Unix seconds.",
    "webhook-signature": "As in Standard Webhooks, of id, timestamp and body; while a secret is "
    "rotated, one for each secret, with a space between.",
}
_RECEIVED: JsonSchema = {
    "2XX": {"description": "Delivered. What is answered is not read beyond its first."},
    "default": {
        "description": "Tried again after 10 s, 60 s and 5 min, as is what takes longer than 10 s; "
        "then the delivery is dead. Redirects are not followed."
    },
}


def _sent(event: str, meaning: str, data: JsonSchema) -> JsonSchema:
    """Describe the request that tells a receiver of an event."""
    body = shape(
        event={"const": event},
        timestamp={**INTEGER, "description": "When it happened, in Unix seconds."},
        data=data,
    )
    return {
        "post": {
            "summary": meaning,
            "description": "Sent at least once, and in order for each contact.",
            "tags": ["Webhooks"],
            "parameters": [
                {
                    "in": "header",
                    "name": name,
                    "required": True,
                    "description": description,
                    "schema": STRING,
                }
                for name, description in _HEADERS.items()
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": _RECEIVED,
        }
    }


FEATURE = Feature(
    name="Webhooks",
    description="Receivers that are told of every change, and what became of it.",
    operations={
        "webhooks.post_webhook": Operation(
            "Add a webhook",
            f"It is told of what happens from then on. There are at most {MAX_WEBHOOKS}. The "
            "`secret`, which signs what is sent, is in this answer only.",
            body=WebhookSchema(),
            answers={201: Answer("The webhook, with its secret.", ref("WebhookWithSecret"))},
            errors=(409,),
            writes=True,
        ),
        "webhooks.get_webhooks": Operation(
            "List webhooks",
            "All of them, the oldest first.",
            answers={200: Answer("The list.", ref("WebhookList"))},
            errors=(422,),
        ),
        "webhooks.get_webhook": Operation(
            "Show a webhook",
            "All about one webhook but its secret.",
            answers={200: Answer("The webhook.", ref("OneWebhook"))},
            errors=_UNKNOWN,
        ),
        "webhooks.patch_webhook": Operation(
            "Change a webhook",
            "A JSON merge patch (RFC 7396). One that was disabled is told of what happens after.",
            body=WebhookPatchSchema(),
            body_types=("application/merge-patch+json", "application/json"),
            answers={200: Answer("The webhook as it is now.", ref("OneWebhook"))},
            errors=(404,),
            writes=True,
        ),
        "webhooks.delete_webhook": Operation(
            "Delete a webhook",
            "With its log. What is under way may still arrive.",
            answers={200: Answer("It is gone.", ref("DeletedWebhook"))},
            errors=_UNKNOWN,
            writes=True,
        ),
        "webhooks.post_webhook_rotation": Operation(
            "Rotate the secret",
            f"Gives a new secret; the one before signs beside it for {HOURS_OF_PREVIOUS_SECRET} "
            "hours.",
            answers={200: Answer("The webhook, with its secret.", ref("WebhookWithSecret"))},
            errors=_UNKNOWN,
            writes=True,
        ),
        "webhooks.post_webhook_test": Operation(
            "Send a test",
            f"Queues a `{TEST}`. 409 is for a disabled webhook.",
            answers={202: _QUEUED},
            errors=(*_UNKNOWN, 409),
            writes=True,
        ),
        "webhooks.get_webhook_deliveries": Operation(
            "List deliveries",
            "The log of the last 7 days, the newest first.",
            query=DeliveriesQuerySchema(),
            defaults=DeliveriesQuery(),
            answers={200: Answer("A page of the log.", ref("DeliveryList"))},
            errors=(404,),
        ),
        "webhooks.post_webhook_redelivery": Operation(
            "Send a delivery again",
            "A finished one, under its old `webhook-id` and with all of its attempts. 409 is for "
            "one that is still on its way, and for a disabled webhook.",
            answers={202: _QUEUED},
            errors=(*_UNKNOWN, 409),
            writes=True,
        ),
    },
    schemas={
        "Webhook": shape(**_WEBHOOK),
        "WebhookWithSecret": _WITH_SECRET,
        "WebhookList": success(webhooks=array(ref("Webhook"))),
        "OneWebhook": success(webhook=ref("Webhook")),
        "DeletedWebhook": success(webhook=shape(id=_ID, deleted={"const": True})),
        "Delivery": shape(**_DELIVERY),
        "OneDelivery": success(delivery=ref("Delivery")),
        "DeliveryList": success(deliveries=array(ref("Delivery")), pagination=PAGINATION),
    },
    names={
        "id": "`whk_` and what names the webhook.",
        "delivery_id": "`dlv_` and what names the delivery.",
        "url": "Where to send: `https://`, on port 443, 80 or from 1024, and no address of a "
        "private network, unless the operator has opened it.",
        "events": "What it is told of; null means all.",
        "label": "A line of text for people; trimmed.",
        "status": "A disabled one is told of nothing.",
        "state": "Only deliveries in this state.",
        "limit": "How many deliveries to answer with.",
        "offset": "How many deliveries to skip.",
    },
    paths={"id": _ID, "delivery_id": _DELIVERY_ID},
    webhooks={
        event: _sent(event, meaning, data)
        for event, (meaning, data) in {
            **EVENTS,
            TEST: ("A test was asked for", shape(webhook=_ID)),
        }.items()
    },
)
