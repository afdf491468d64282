"""What is said of imports and exports."""

from app.api_docs import find
from app.api_docs.operation import (
    BOOLEAN,
    INTEGER,
    STRING,
    Answer,
    Feature,
    JsonSchema,
    Operation,
    array,
    nullable,
    ref,
    shape,
    success,
)
from app.transfer.report import MAX_ERRORS
from app.transfer.schemas import ExportQuerySchema, ImportQuery, ImportQuerySchema
from app.transfer.sources import MEDIA_TYPES

_CSV: JsonSchema = {
    **STRING,
    "description": "UTF-8, with a comma, a semicolon or a tab between cells. The first line names "
    "the columns: `phone first_name last_name email tags id created_at updated_at` and "
    "`custom_fields.KEY`. Tags have `;` between them, `\\;` and `\\\\` inside. In a custom field "
    "numbers, `true` and `false` stand bare; a text that looks like one is a JSON string. A `'` "
    "before one of `= + - @` keeps a spreadsheet from running the cell; one is taken away.",
}
_LINES: JsonSchema = {
    **STRING,
    "description": "JSON Lines: on each line what `POST /v1/contacts` takes, perhaps with `id`, "
    "`created_at` and `updated_at`.",
}
_SCHEMAS = {"csv": _CSV, "jsonl": _LINES}
_LINE: JsonSchema = {**INTEGER, "description": "Where the row begins, from 1."}
_TOLD = array(shape(line=_LINE, column=nullable(STRING), reason=STRING))

FEATURE = Feature(
    name="Files",
    description="Contacts in and out as CSV or JSON Lines.",
    operations={
        "transfer.post_contacts_import": Operation(
            "Import a file",
            "Each row is as one upsert, and is refused alone. Rows are stored in batches of a few "
            "hundred: a body that is cut short leaves whole batches, and the report in `details` "
            "says up to which line. Sent again, rows that are in change nothing. `id` must fit "
            "the phone, `created_at` is kept where the contact is new, `updated_at` is ignored.",
            query=ImportQuerySchema(),
            defaults=ImportQuery(),
            texts={name: _SCHEMAS[format] for name, format in MEDIA_TYPES.items()},
            answers={200: Answer("What became of the rows.", ref("ImportAnswer"))},
            writes=True,
        ),
        "transfer.get_contacts_export": Operation(
            "Export contacts",
            "All contacts for which every parameter holds, oldest first, in the form that an "
            "import takes. It is read page by page, and what changes meanwhile is in it as it is "
            "when its turn comes. An answer without its last chunk is not whole.",
            query=ExportQuerySchema(),
            answers={
                200: Answer("The file.", STRING, media_types=("text/csv", "application/x-ndjson"))
            },
        ),
    },
    schemas={
        "ImportAnswer": success(report=ref("ImportReport")),
        "ImportReport": shape(
            rows={**INTEGER, "description": "The sum of the next four."},
            created=INTEGER,
            updated=INTEGER,
            unchanged=INTEGER,
            rejected=INTEGER,
            repeated={
                **INTEGER,
                "description": "Rows whose phone came before: the later row wins.",
            },
            dry_run=BOOLEAN,
            last_line={**INTEGER, "description": "All up to this line is done."},
            errors={**_TOLD, "maxItems": MAX_ERRORS},
            warnings={**_TOLD, "maxItems": MAX_ERRORS},
        ),
    },
    names={
        **find.FEATURE.names,
        "dry_run": "Report what would become of the rows, and store nothing.",
        "map": "Which field a column is: `Mobile=phone,Plan=custom_fields.plan`; `Notes=` leaves "
        "a column out. A comma in a name has a backslash in front. Can be given again.",
        "default_country": "The country of phones without a country code, such as `IN`. Left "
        "out: these phones are refused.",
        "format": "Left out: `csv`.",
    },
)
