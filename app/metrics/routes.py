"""Metrics over HTTP, in the text format of Prometheus."""

from flask import Blueprint, Response

from app.api_keys.guard import require_scope
from app.metrics import collection
from app.metrics.exposition import MEDIA_TYPE, exposition
from app.web.requests import current, database, settings

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@require_scope("admin", unless=lambda: settings().metrics_public)
def get_metrics() -> Response:
    found = collection.collect(database(), settings(), current().service.version)
    return Response(exposition(found), content_type=MEDIA_TYPE)
