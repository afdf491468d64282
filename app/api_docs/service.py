"""What is said of the routes about the service itself, most of which need no key."""

from app.api_docs.operation import STRING, Answer, Feature, Operation, ref, success
from app.api_docs.viewer import FILES

_UNCHANGED = Answer("Unchanged since the `ETag` that was sent.", headers=("ETag",))

FEATURE = Feature(
    name="Service",
    description="Whether it runs, how it does, and what it offers.",
    operations={
        "health.get_health": Operation(
            "Is it alive?",
            "Answers as long as the process serves requests.",
            answers={200: Answer("It is alive.", ref("Health"))},
        ),
        "health.get_readiness": Operation(
            "Can it write?",
            "Answers once a small write is on disk, so that a full disk shows.",
            answers={200: Answer("It can write.", ref("Readiness"))},
            writes=True,
        ),
        "metrics.get_metrics": Operation(
            "Show metrics",
            "Counts and sizes over all processes, in the text format of Prometheus. No key is "
            "needed if `CONTACTS_METRICS_PUBLIC` is `yes`.",
            answers={200: Answer("The metrics.", STRING, media_types=("text/plain",))},
        ),
        "api_docs.get_openapi": Operation(
            "Describe the API",
            "This document.",
            headers=("If-None-Match",),
            answers={
                200: Answer("An OpenAPI 3.1 document.", {"type": "object"}, ("ETag",)),
                304: _UNCHANGED,
            },
        ),
        "api_docs.get_docs": Operation(
            "Read the documentation",
            "A page that shows this document and tries calls; it loads nothing from elsewhere.",
            headers=("If-None-Match",),
            answers={
                200: Answer("The page.", STRING, ("ETag",), ("text/html",)),
                304: _UNCHANGED,
            },
        ),
        "api_docs.get_docs_file": Operation(
            "Load a part of the documentation page",
            "The scripts and the style of the page.",
            headers=("If-None-Match",),
            answers={
                200: Answer("The file.", STRING, ("ETag",), tuple(dict.fromkeys(FILES.values()))),
                304: _UNCHANGED,
            },
            errors=(404,),
        ),
    },
    schemas={
        "Health": success(status={"const": "alive"}),
        "Readiness": success(status={"const": "ready"}),
    },
    names={"file": "One of the page's files."},
    paths={"file": {"enum": list(FILES)}},
)
