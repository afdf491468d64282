"""Serves the files of pages: public, offline, and under a strict Content-Security-Policy."""

from pathlib import Path

from flask import request

from app.web.responses import Response

HEADERS = {
    # Pages have no inline scripts or styles; their icons may be data: images.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def static_file(path: Path) -> Response:
    """Return a file of a page; 304 where the client has it."""
    return page_response(path.read_bytes(), _TYPES[path.suffix])


def page_response(content: str | bytes, media_type: str) -> Response:
    """Return public content with the headers of pages; 304 where the client has it."""
    response = Response(content, mimetype=media_type, headers=HEADERS)
    response.caching = "no-cache"  # Browsers ask again each time, so that an upgrade shows at once.
    response.add_etag()
    response.make_conditional(request)
    return response
