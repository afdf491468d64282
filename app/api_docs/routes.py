"""Serves the OpenAPI document and the page that shows it; both are public and work offline."""

from flask import Blueprint, Response, current_app, request

from app.api_docs import viewer
from app.errors import NotFound

blueprint = Blueprint("api_docs", __name__)


@blueprint.get("/openapi.json")
def get_openapi() -> Response:
    # Imported on first use: it is slow to import, and most processes never serve it.
    from app.api_docs.document import rendered

    return _public(rendered(current_app), "application/json")


@blueprint.get("/docs")
def get_docs() -> Response:
    return _public(viewer.PAGE.read_bytes(), "text/html")


@blueprint.get("/docs/<file>")
def get_docs_file(file: str) -> Response:
    if file not in viewer.FILES:
        raise NotFound("The page has no such file: open /docs.")
    return _public((viewer.FOLDER / file).read_bytes(), viewer.FILES[file])


def _public(content: str | bytes, media_type: str) -> Response:
    response = Response(content, mimetype=media_type, headers=viewer.HEADERS)
    response.add_etag()
    response.make_conditional(request)
    return response
