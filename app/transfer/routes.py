"""Routes that import and export contacts."""

from flask import Blueprint, Response

from app.api_keys.guard import require_scope

blueprint = Blueprint("transfer", __name__, url_prefix="/v1/contacts")

# The modules that know each kind of file are loaded with the first one: a server starts sooner.


@blueprint.post("/import")
@require_scope("contacts:write")
def post_contacts_import() -> Response:
    from app.transfer.responses import import_contacts

    return import_contacts()


@blueprint.get("/export")
@require_scope("contacts:read")
def get_contacts_export() -> Response:
    from app.transfer.responses import export_contacts

    return export_contacts()
