"""Describes the routes that import and export files of contacts."""

from app.api_docs import find
from app.api_docs.json_schema import (
    BOOLEAN,
    INTEGER,
    STRING,
    JsonSchema,
    array,
    nullable,
    ref,
    shape,
    success,
)
from app.api_docs.operation import Feature, Operation, Response
from app.transfer import formats
from app.transfer.readers import MEDIA_TYPES
from app.transfer.report import MAX_ERRORS
from app.transfer.schemas import ExportQuerySchema, ImportQuery, ImportQuerySchema

_CSV: JsonSchema = {
    **STRING,
    "description": "CSV in UTF-8, with commas, semicolons or tabs between cells. The first line "
    "names the columns: `phone first_name last_name email tags id created_at updated_at` and "
    "`custom_fields.KEY`. Tags in a cell are separated by `;`; a tag writes `;` and `\\` as `\\;` "
    "and `\\\\`. In custom fields, numbers, `true` and `false` are written bare, and a text that "
    "looks like one as a JSON string. A `'` before `=`, `+`, `-` or `@` keeps spreadsheets from "
    "running the cell; an import removes one.",
}
_LINES: JsonSchema = {
    **STRING,
    "description": "JSON Lines: each line is a body of `POST /v1/contacts`, optionally with `id`, "
    "`created_at` and `updated_at`.",
}
_EXPORTED = tuple(name for name in formats.MEDIA_TYPES if name != "application/jsonl")
_SCHEMAS = {"csv": _CSV, "jsonl": _LINES}
_LINE: JsonSchema = {**INTEGER, "description": "Line on which the row starts, from 1."}
_REASONS = array(shape(line=_LINE, column=nullable(STRING), reason=STRING))

FEATURE = Feature(
    name="Files",
    description="Import contacts from CSV or JSON Lines; export them as these, .xlsx or vCards.",
    operations={
        "transfer.post_contacts_import": Operation(
            "Import a file",
            "Upserts one contact per row; an invalid row is rejected alone. Rows are stored in "
            "batches of a few hundred. If the upload is interrupted, whole batches remain, and the "
            "report in `details` has the last line that was processed. Sending the file again is "
            "safe: rows that are stored change nothing. `id` must match the phone number. "
            "`created_at` is stored for new contacts. `updated_at` is ignored.",
            query=ImportQuerySchema(),
            defaults=ImportQuery(),
            texts={name: _SCHEMAS[format] for name, format in MEDIA_TYPES.items()},
            responses={200: Response("The outcome of the rows.", ref("ImportAnswer"))},
            writes=True,
        ),
        "transfer.get_contacts_export": Operation(
            "Export contacts",
            "Exports the contacts that match every parameter, oldest first, in a format that an "
            "import accepts. The export is read page by page: a contact that changes during the "
            "export is written as it is when its page is read. A response without its last chunk "
            "is incomplete.",
            query=ExportQuerySchema(),
            responses={200: Response("The file.", STRING, media_types=_EXPORTED)},
        ),
    },
    schemas={
        "ImportAnswer": success(report=ref("ImportReport")),
        "ImportReport": shape(
            rows={**INTEGER, "description": "Sum of the next four."},
            created=INTEGER,
            updated=INTEGER,
            unchanged=INTEGER,
            rejected=INTEGER,
            repeated={
                **INTEGER,
                "description": "Rows with a phone number of an earlier row; the last row wins.",
            },
            dry_run=BOOLEAN,
            last_line={**INTEGER, "description": "Last line that was processed."},
            errors={**_REASONS, "maxItems": MAX_ERRORS},
            warnings={**_REASONS, "maxItems": MAX_ERRORS},
        ),
    },
    names={
        **find.FEATURE.names,
        "dry_run": "Report what would happen to the rows, and store nothing.",
        "map": "Fields of columns, such as `Mobile=phone,Plan=custom_fields.plan`. `Notes=` "
        "ignores a column. Write a comma in a name as `\\,`. The parameter can be repeated.",
        "default_country": "Country of phone numbers without a country code, such as `IN`. "
        "Default: these numbers are rejected.",
        "format": "Format of the file; `vcf` is vCard 3.0. Default: `csv`.",
    },
)
