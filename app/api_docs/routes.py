"""Serves the OpenAPI document and the page that shows it; both are public and work offline."""

from flask import Blueprint, Response, current_app

from app.api_docs import viewer
from app.errors import NotFound
from app.web.pages import page_response, static_file

blueprint = Blueprint("api_docs", __name__)


@blueprint.get("/openapi.json")
def get_openapi() -> Response:
    # Imported on first use: it is slow to import, and most processes never serve it.
    from app.api_docs.document import rendered

    return page_response(rendered(current_app), "application/json")


@blueprint.get("/docs")
def get_docs() -> Response:
    return static_file(viewer.PAGE)


@blueprint.get("/docs/<file>")
def get_docs_file(file: str) -> Response:
    if file not in viewer.FILES:
        raise NotFound("The page has no such file: open /docs.")
    return static_file(viewer.FOLDER / file)
