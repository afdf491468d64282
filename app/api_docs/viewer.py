"""The page that shows the document: Swagger UI, vendored unchanged in `static/`."""

from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PAGE = FOLDER / "docs.html"
FILES = {
    "docs.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
HEADERS = {
    # The viewer needs neither inline scripts nor inline styles; its icons are data: images.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Kept, but asked for again each time: an upgrade shows at once.
    "Cache-Control": "no-cache",
}
