"""`GET /v1/status` and `GET /v1/profile`."""

from flask import Blueprint, Response

from app.api_keys.guard import rate_limit, require_scope
from app.api_keys.model import ApiKey
from app.web.requests import current, settings
from app.web.responses import success

blueprint = Blueprint("api_keys", __name__, url_prefix="/v1")


@blueprint.get("/status")
@require_scope(None)
def get_status() -> Response:
    return success({"status": "operational", "version": current().service.version})


@blueprint.get("/profile")
@require_scope(None)
def get_profile() -> Response:
    key: ApiKey = current().key
    return success(
        {
            "profile": {
                "label": key.label,
                "scopes": list(key.scopes),
                "rate_limit": rate_limit(settings(), key) or None,
                "created_at": key.created_at,
                "expires_at": key.expires_at,
                "last_used_at": key.last_used_at,
            }
        }
    )
