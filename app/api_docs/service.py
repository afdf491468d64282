"""Describes the routes about the service itself; most need no key."""

from app.api_docs.json_schema import STRING, choice, constant, ref, success
from app.api_docs.operation import Feature, Operation, Response
from app.api_docs.viewer import FILES

CONSOLE_TYPES = ("text/javascript", "text/css", "image/svg+xml")
_UNCHANGED = Response("The content still has the `ETag` that was sent.", headers=("ETag",))

FEATURE = Feature(
    name="Service",
    description="Health, metrics and documentation of the service.",
    operations={
        "health.get_health": Operation(
            "Check that the server runs",
            "Succeeds while the process serves requests.",
            responses={200: Response("The server runs.", ref("Health"))},
        ),
        "health.get_readiness": Operation(
            "Check that the server can write",
            "Succeeds after a small write to disk, so that it reports a full disk.",
            responses={200: Response("The server can write.", ref("Readiness"))},
            writes=True,
        ),
        "metrics.get_metrics": Operation(
            "Show metrics",
            "Counts and sizes over all processes, in the text format of Prometheus. No key is "
            "needed if `CONTACTS_METRICS_PUBLIC` is `yes`.",
            responses={200: Response("The metrics.", STRING, media_types=("text/plain",))},
        ),
        "api_docs.get_openapi": Operation(
            "Describe the API",
            "This document.",
            headers=("If-None-Match",),
            responses={
                200: Response("An OpenAPI 3.1 document.", {"type": "object"}, ("ETag",)),
                304: _UNCHANGED,
            },
        ),
        "api_docs.get_docs": Operation(
            "Read the documentation",
            "A page that shows this document and can send requests. It loads nothing from other "
            "servers.",
            headers=("If-None-Match",),
            responses={
                200: Response("The page.", STRING, ("ETag",), ("text/html",)),
                304: _UNCHANGED,
            },
        ),
        "api_docs.get_docs_file": Operation(
            "Load a file of the documentation page",
            "Scripts and styles of the page.",
            headers=("If-None-Match",),
            responses={
                200: Response("The file.", STRING, ("ETag",), tuple(dict.fromkeys(FILES.values()))),
                304: _UNCHANGED,
            },
            errors=(404,),
        ),
        "console.get_console": Operation(
            "Open the console",
            "A page that shows contacts and changes them through this API, with a key that is "
            "typed in. `CONTACTS_CONSOLE=no` switches it off.",
            headers=("If-None-Match",),
            responses={
                200: Response("The page.", STRING, ("ETag",), ("text/html",)),
                304: _UNCHANGED,
            },
        ),
        "console.get_console_file": Operation(
            "Load a file of the console",
            "Scripts, styles and images of the page.",
            headers=("If-None-Match",),
            responses={
                200: Response("The file.", STRING, ("ETag",), CONSOLE_TYPES),
                304: _UNCHANGED,
            },
            errors=(404,),
        ),
    },
    schemas={
        "Health": success(status=constant("alive")),
        "Readiness": success(status=constant("ready")),
    },
    names={"file": "Name of the file."},
    paths={"file": choice(*FILES)},
)
