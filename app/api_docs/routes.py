"""The document and the page that shows it, both public and made for offline use."""

from flask import Blueprint, Response, current_app, request, send_file

from app.api_docs import viewer
from app.api_docs.document import rendered
from app.errors import NotFound

blueprint = Blueprint("api_docs", __name__)


@blueprint.get("/openapi.json")
def get_openapi() -> Response:
    response = Response(rendered(current_app), mimetype="application/json")
    response.add_etag()
    return _public(response)


@blueprint.get("/docs")
def get_docs() -> Response:
    return _public(send_file(viewer.PAGE, mimetype="text/html"))


@blueprint.get("/docs/<file>")
def get_docs_file(file: str) -> Response:
    if file not in viewer.FILES:
        raise NotFound("The page has no such file: open /docs.")
    return _public(send_file(viewer.FOLDER / file, mimetype=viewer.FILES[file]))


def _public(response: Response) -> Response:
    response.headers.update(viewer.HEADERS)
    response.make_conditional(request)
    return response
