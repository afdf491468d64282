"""Describes the routes about webhooks."""

from app.api_docs.events import EVENTS
from app.api_docs.json_schema import (
    INSTANT,
    INTEGER,
    PAGINATION,
    STRING,
    TRUE,
    JsonSchema,
    array,
    choice,
    nullable,
    ref,
    shape,
    success,
)
from app.api_docs.operation import NEXT_PAGE, Feature, Operation, Response
from app.api_docs.received import RECEIVED, WEBHOOK_ID
from app.webhooks.handlers import HOURS_OF_PREVIOUS_SECRET, MAX_REDELIVERED
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
    RedeliverSchema,
    WebhookPatchSchema,
    WebhookSchema,
)

_DELIVERY_ID: JsonSchema = {"type": "string", "pattern": "^dlv_[0-9a-f]{24}$"}
_WEBHOOK: dict[str, JsonSchema] = {
    "id": WEBHOOK_ID,
    "url": STRING,
    "label": STRING,
    "events": {
        **nullable(array(choice(*EVENTS))),
        "description": "Types of events that are sent. Null means all, including those of later "
        "versions.",
    },
    "fields": {
        **nullable(array(STRING)),
        "description": "Of contacts that are created, updated or merged, only changes of these "
        "fields are sent. Null means any.",
    },
    "exclude_actor": {
        **nullable(array(STRING)),
        "description": "Ids of API keys whose changes are not sent.",
    },
    "status": {
        **choice(ACTIVE, FAILING, DISABLED),
        "description": f"`{FAILING}` after a dead delivery, until the next success. Events are "
        "sent as before.",
    },
    "previous_secret_until": {
        **nullable(INSTANT),
        "description": "Time until which requests are also signed with the previous secret.",
    },
    "created_at": INSTANT,
    "updated_at": INSTANT,
}
_DELIVERY: dict[str, JsonSchema] = {
    "id": {**_DELIVERY_ID, "description": "Sent in the header `webhook-id`."},
    "event": choice(*EVENTS, TEST),
    "seq": {**nullable(INTEGER), "description": "Sequence number of the event; null for a test."},
    "state": choice(*STATES),
    "attempt": {**INTEGER, "description": "Number of attempts so far."},
    "attempted_at": {**nullable(INSTANT), "description": "Time of the last attempt."},
    "next_attempt_at": {
        **nullable(INSTANT),
        "description": "Time of the next attempt. Null if there is none, or if earlier "
        "deliveries of the contact come first.",
    },
    "status": {**nullable(INTEGER), "description": "HTTP status of the last response."},
    "error": {**nullable(STRING), "description": "Reason why the last attempt failed."},
    "answer": {
        **nullable(STRING),
        "description": f"First {MAX_ANSWER} bytes of the last response; null after the contact is "
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
            "description": "Shown only in this response.",
        },
    )
)
_UNKNOWN = (404, 422)
_QUEUED = Response("The delivery is queued: see the list of deliveries.", ref("OneDelivery"))

FEATURE = Feature(
    name="Webhooks",
    description="Send every change to your own servers, and see what was delivered.",
    operations={
        "webhooks.post_webhook": Operation(
            "Add a webhook",
            f"Sends all events from now on to a URL. There can be at most {MAX_WEBHOOKS} webhooks. "
            "The `secret`, which signs the requests, is shown only in this response.",
            body=WebhookSchema(),
            responses={201: Response("The webhook, with its secret.", ref("WebhookWithSecret"))},
            errors=(409,),
            writes=True,
        ),
        "webhooks.get_webhooks": Operation(
            "List webhooks",
            "Lists all webhooks, oldest first.",
            responses={200: Response("The list.", ref("WebhookList"))},
            errors=(422,),
        ),
        "webhooks.get_webhook": Operation(
            "Show a webhook",
            "Returns one webhook, without its secret.",
            responses={200: Response("The webhook.", ref("OneWebhook"))},
            errors=_UNKNOWN,
        ),
        "webhooks.patch_webhook": Operation(
            "Change a webhook",
            "Applies a JSON merge patch (RFC 7396). A webhook that was disabled gets only the "
            "events after it is enabled again.",
            body=WebhookPatchSchema(),
            responses={200: Response("The webhook after the change.", ref("OneWebhook"))},
            errors=(404,),
            writes=True,
        ),
        "webhooks.delete_webhook": Operation(
            "Delete a webhook",
            "Deletes the webhook and its deliveries. A request that is being sent may still "
            "arrive.",
            responses={200: Response("The webhook was deleted.", ref("DeletedWebhook"))},
            errors=_UNKNOWN,
            writes=True,
        ),
        "webhooks.post_webhook_rotation": Operation(
            "Rotate the secret",
            f"Creates a new secret. Requests are also signed with the previous one for "
            f"{HOURS_OF_PREVIOUS_SECRET} hours.",
            responses={200: Response("The webhook, with its secret.", ref("WebhookWithSecret"))},
            errors=_UNKNOWN,
            writes=True,
        ),
        "webhooks.post_webhook_test": Operation(
            "Send a test",
            f"Queues a `{TEST}` event. Returns 409 if the webhook is disabled.",
            responses={202: _QUEUED},
            errors=(*_UNKNOWN, 409),
            writes=True,
        ),
        "webhooks.get_webhook_deliveries": Operation(
            "List deliveries",
            "Lists the deliveries of the last 7 days, newest first.",
            query=DeliveriesQuerySchema(),
            defaults=DeliveriesQuery(),
            responses={
                200: Response("A page of the list.", ref("DeliveryList"), sometimes=NEXT_PAGE)
            },
            errors=(404,),
        ),
        "webhooks.post_webhook_redelivery": Operation(
            "Send a delivery again",
            "Sends a finished delivery again under the same `webhook-id`, with all retries. "
            "Returns 409 if the delivery is not finished or the webhook is disabled.",
            responses={202: _QUEUED},
            errors=(*_UNKNOWN, 409),
            writes=True,
        ),
        "webhooks.post_webhook_redeliveries": Operation(
            "Send all dead deliveries again",
            f"Queues the deliveries that died, the oldest first and {MAX_REDELIVERED:,} at most. "
            "Repeat the call while `left` is not 0. Returns 409 if the webhook is disabled.",
            body=RedeliverSchema(),
            responses={202: Response("Deliveries are queued.", ref("Redelivered"))},
            errors=(404, 409),
            writes=True,
        ),
    },
    schemas={
        "Webhook": shape(**_WEBHOOK),
        "WebhookWithSecret": _WITH_SECRET,
        "WebhookList": success(webhooks=array(ref("Webhook"))),
        "OneWebhook": success(webhook=ref("Webhook")),
        "DeletedWebhook": success(webhook=shape(id=WEBHOOK_ID, deleted=TRUE)),
        "Redelivered": success(
            queued={**INTEGER, "description": "Number of deliveries that are queued."},
            left={**INTEGER, "description": "Number of dead ones that are left."},
        ),
        "Delivery": shape(**_DELIVERY),
        "OneDelivery": success(delivery=ref("Delivery")),
        "DeliveryList": success(deliveries=array(ref("Delivery")), pagination=PAGINATION),
    },
    names={
        "id": "Id of the webhook: `whk_…`.",
        "delivery_id": "Id of the delivery: `dlv_…`.",
        "url": "Where to send events: an `https://` URL on port 443, 80 or from 1024. Addresses of "
        "private networks are rejected unless the operator allows them.",
        "events": "Types of events to send; null means all.",
        "label": "Description for people, one line; trimmed.",
        "status": "A disabled webhook gets no events.",
        "fields": "Of contacts that are created, updated or merged, send only changes of these "
        "fields, such as `email` or `custom_fields.plan`. Null means any.",
        "exclude_actor": "Ids of API keys whose changes are not sent; null means none.",
        "state": "Only deliveries in this state.",
        "since": "Only deliveries that died at this time or later.",
        "limit": "Maximum number of deliveries to return.",
        "offset": "Number of deliveries to skip.",
    },
    paths={"id": WEBHOOK_ID, "delivery_id": _DELIVERY_ID},
    webhooks=RECEIVED,
)
