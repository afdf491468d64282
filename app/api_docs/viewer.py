"""The page that shows the OpenAPI document: Swagger UI, an unchanged copy in `static/`."""

from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PAGE = FOLDER / "docs.html"
FILES = {
    "docs.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
