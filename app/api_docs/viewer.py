"""The page that shows the OpenAPI document: Swagger UI, an unchanged copy in `static/`."""

from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PAGE = FOLDER / "docs.html"
FILES = {
    "docs.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
HEADERS = {
    # The page has no inline scripts or styles; its icons are data: images.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    # Browsers ask again each time, so that an upgrade shows at once.
    "Cache-Control": "no-cache",
}
