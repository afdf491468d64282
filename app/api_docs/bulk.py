"""What is said of the routes of many contacts."""

from app.api_docs.operation import (
    INTEGER,
    STRING,
    Answer,
    Feature,
    JsonSchema,
    Operation,
    array,
    ref,
    shape,
    success,
)
from app.contacts.batches import MAX_ROWS, BatchSchema
from app.contacts.bulk import ATOMIC_LINKS
from app.contacts.schemas import UpsertQuery, UpsertQuerySchema

_DRY_RUN: dict[str, JsonSchema] = {"dry_run": {"const": True}}
_INDEX: JsonSchema = {**INTEGER, "description": "The row's place in `contacts`, from 0."}

FEATURE = Feature(
    name="Bulk",
    description="Many contacts in one request.",
    operations={
        "bulk.post_contacts_batch": Operation(
            "Create or update many contacts",
            f"At most {MAX_ROWS} rows, each as the body of a single upsert, applied in order. A "
            "row at fault fails alone; with `atomic` nothing is stored and the 422 names the rows.",
            query=UpsertQuerySchema(),
            defaults=UpsertQuery(),
            body=BatchSchema(),
            answers={200: Answer("What became of each row.", ref("BatchReport"))},
            writes=True,
        ),
    },
    schemas={
        "BatchReport": success(
            _DRY_RUN,
            created=INTEGER,
            updated=INTEGER,
            unchanged=INTEGER,
            failed=INTEGER,
            results=array({"anyOf": [ref("StoredRow"), ref("FailedRow")]}),
        ),
        "StoredRow": shape(
            index=_INDEX, status={"enum": ["created", "updated", "unchanged"]}, id=STRING
        ),
        "FailedRow": shape(index=_INDEX, status={"const": "failed"}, error=ref("RowError")),
        "RowError": shape({"details": ref("ErrorDetails")}, code=STRING, message=STRING),
    },
    names={
        "contacts": "What `POST /v1/contacts` takes, once for each contact.",
        "atomic": f"Store all of them or none; at most {ATOMIC_LINKS} tags and fields in all.",
        "dry_run": "Answer as it would, and store nothing.",
    },
)
