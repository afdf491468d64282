"""Describes the route that creates or updates many contacts."""

from app.api_docs.json_schema import (
    INTEGER,
    STRING,
    TRUE,
    JsonSchema,
    array,
    choice,
    nullable,
    ref,
    shape,
    success,
)
from app.api_docs.operation import Feature, Operation, Response
from app.contacts.batch_schemas import MAX_ROWS, BatchSchema, LookupSchema
from app.contacts.bulk import ATOMIC_LINKS
from app.contacts.schemas import UpsertQuery, UpsertQuerySchema

_DRY_RUN: dict[str, JsonSchema] = {"dry_run": TRUE}
_INDEX: JsonSchema = {**INTEGER, "description": "Index of the row in `contacts`, from 0."}

FEATURE = Feature(
    name="Bulk",
    description="Many contacts in one request.",
    operations={
        "bulk.post_contacts_batch": Operation(
            "Create or update many contacts",
            f"Applies up to {MAX_ROWS} rows in order; each is the body of a single upsert. An "
            "invalid row fails alone. With `atomic`, one invalid row rejects all: nothing is "
            "stored, and `details` of the 422 names the rows.",
            query=UpsertQuerySchema(),
            defaults=UpsertQuery(),
            body=BatchSchema(),
            responses={200: Response("The outcome of each row.", ref("BatchReport"))},
            writes=True,
        ),
        "bulk.post_contacts_lookup": Operation(
            "Look up many phone numbers",
            f"Reads up to {MAX_ROWS} phone numbers in any spelling, and returns the id of the "
            "contact that each has, in the same order. An invalid number has a reason and spoils "
            "nothing. Numbers that were merged have the id of the contact that took them over.",
            body=LookupSchema(),
            responses={200: Response("What each number is.", ref("LookupResults"))},
        ),
    },
    schemas={
        "LookupResults": success(
            results=array(
                shape(
                    input={**STRING, "description": "The number as sent."},
                    phone={**nullable(STRING), "description": "E.164 without `+`."},
                    reason={**nullable(STRING), "description": "Why the number is rejected."},
                    id={**nullable(STRING), "description": "Of its contact, if there is one."},
                )
            )
        ),
        "BatchReport": success(
            _DRY_RUN,
            created=INTEGER,
            updated=INTEGER,
            unchanged=INTEGER,
            failed=INTEGER,
            results=array(ref("BatchRow")),
        ),
        "BatchRow": shape(
            {
                "id": STRING,
                "twins": {
                    **array(STRING),
                    "description": "Present if created and there are any: ids of stored contacts "
                    "that may be the same person.",
                },
                "error": ref("RowError"),
            },
            index=_INDEX,
            status={
                **choice("created", "updated", "unchanged", "failed"),
                "description": "A failed row has an `error`; all others have an `id`.",
            },
        ),
        "RowError": shape({"details": ref("ErrorDetails")}, code=STRING, message=STRING),
    },
    names={
        "contacts": "One body of `POST /v1/contacts` for each contact.",
        "atomic": f"Store all rows or none. They may have at most {ATOMIC_LINKS} tags and custom "
        "fields in total.",
        "phones": "Phone numbers in any accepted spelling.",
        "match_twins": "Update the twin of a number that is not stored itself.",
        "dry_run": "Return what would happen, and store nothing.",
    },
)
