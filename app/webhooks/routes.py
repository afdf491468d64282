"""Webhooks over HTTP."""

from flask import Blueprint, Response
from marshmallow import Schema

from app.api_keys.guard import require_scope
from app.web.paging import page_response
from app.web.requests import database, json_object, load, load_query, settings
from app.web.responses import success
from app.webhooks import handlers, store
from app.webhooks.model import Webhook
from app.webhooks.schemas import (
    DeliveriesQuery,
    DeliveriesQuerySchema,
    RedeliverSchema,
    webhook_patch_schema,
    webhook_schema,
)

blueprint = Blueprint("webhooks", __name__, url_prefix="/v1/webhooks")

_no_query = Schema()
_deliveries_query = DeliveriesQuerySchema()
_redeliver_schema = RedeliverSchema()


@blueprint.post("")
@require_scope("admin")
def post_webhook() -> Response:
    values = load(webhook_schema(settings().webhook_allow_private), json_object())
    load_query(_no_query)
    return _answer_with_secret(handlers.create_webhook(database(), **values), 201)


@blueprint.get("")
@require_scope("admin")
def get_webhooks() -> Response:
    load_query(_no_query)
    found = store.list_webhooks(database().connection())
    return success({"webhooks": [webhook.view() for webhook in found]})


@blueprint.get("/<id>")
@require_scope("admin")
def get_webhook(id: str) -> Response:
    load_query(_no_query)
    return success({"webhook": handlers.get_webhook(database().connection(), id).view()})


@blueprint.patch("/<id>")
@require_scope("admin")
def patch_webhook(id: str) -> Response:
    values = load(
        webhook_patch_schema(settings().webhook_allow_private),
        json_object("application/merge-patch+json"),
    )
    load_query(_no_query)
    return success({"webhook": handlers.edit_webhook(database(), id, values).view()})


@blueprint.delete("/<id>")
@require_scope("admin")
def delete_webhook(id: str) -> Response:
    load_query(_no_query)
    handlers.delete_webhook(database(), id)
    return success({"webhook": {"id": id, "deleted": True}})


@blueprint.post("/<id>/rotate-secret")
@require_scope("admin")
def post_webhook_rotation(id: str) -> Response:
    load_query(_no_query)
    return _answer_with_secret(handlers.rotate_secret(database(), id))


@blueprint.post("/<id>/test")
@require_scope("admin")
def post_webhook_test(id: str) -> Response:
    """Queue a test; its outcome is in the list of deliveries."""
    load_query(_no_query)
    return success({"delivery": handlers.test_webhook(database(), id).view()}, 202)


@blueprint.get("/<id>/deliveries")
@require_scope("admin")
def get_webhook_deliveries(id: str) -> Response:
    query: DeliveriesQuery = load_query(_deliveries_query)
    found, total = handlers.list_deliveries(
        database(), id, state=query.state, limit=query.limit, offset=query.offset
    )
    deliveries = [each.view() for each in found]
    return page_response({"deliveries": deliveries}, total, limit=query.limit, offset=query.offset)


@blueprint.post("/<id>/deliveries/<delivery_id>/redeliver")
@require_scope("admin")
def post_webhook_redelivery(id: str, delivery_id: str) -> Response:
    load_query(_no_query)
    return success({"delivery": handlers.redeliver(database(), id, delivery_id).view()}, 202)


@blueprint.post("/<id>/redeliver")
@require_scope("admin")
def post_webhook_redeliveries(id: str) -> Response:
    values = load(_redeliver_schema, json_object())
    load_query(_no_query)
    queued, left = handlers.redeliver_dead(database(), id, values.get("since"))
    return success({"queued": queued, "left": left}, 202)


def _answer_with_secret(webhook: Webhook, status: int = 200) -> Response:
    return success({"webhook": webhook.view() | {"secret": webhook.secret}}, status)
