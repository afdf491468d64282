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
from app.transfer.formats import ANY, FORMATS, MEDIA_TYPES
from app.transfer.report import MAX_ERRORS
from app.transfer.schemas import ExportQuerySchema, ImportQuery, ImportQuerySchema

_CSV: JsonSchema = {
    **STRING,
    "description": "CSV with commas, semicolons, tabs or `|` between cells. Columns are named "
    "`phone first_name last_name email tags id created_at updated_at` and `custom_fields.KEY` or "
    "`custom_fields.KEY:TYPE`; names of many programs and languages are known, others become "
    "custom fields. Tags in a cell are separated by `;`; a tag writes `;` and `\\` as `\\;` and "
    "`\\\\`. In custom fields, numbers, `true` and `false` are written bare, and a text that looks "
    "like one as a JSON string. A `'` before `=`, `+`, `-` or `@` keeps spreadsheets from running "
    "the cell; an import removes one.",
}
_EXPORTED = tuple(name for name in MEDIA_TYPES if name not in ("application/jsonl", ANY))
# One type for generators of clients; others are accepted as their format.
_FILE: JsonSchema = {
    **STRING,
    "format": "binary",
    "description": "CSV, JSON Lines, an Excel workbook (.xlsx) or vCards. "
    f"Also accepted as {', '.join(name for name in MEDIA_TYPES if name != ANY)}. "
    "CSV: " + str(_CSV["description"]),
}
_LINE: JsonSchema = {**INTEGER, "description": "Line on which the row starts, from 1."}
_NULLABLE_STRING = nullable(STRING)
_REASONS = array(shape(line=_LINE, column=nullable(STRING), reason=STRING))

FEATURE = Feature(
    name="Files",
    description="Import contacts from CSV, Excel, vCard and JSON Lines, and export them.",
    operations={
        "transfer.post_contacts_import": Operation(
            "Import a file",
            "Upserts one contact per row; an invalid row is rejected alone. The format is known "
            "by the content of the body, then by its media type. The whole file is read before "
            "anything is stored, so that an upload that ends early stores nothing. With `dry_run` "
            "the response has a preview and nothing is stored. Tags are added to those of a known "
            "contact. If most phone numbers without `+` are not valid with their first digits as "
            "country code, the response is a 422 that says what they would become. Rows are "
            "stored in batches of a few hundred. If the import is interrupted, whole batches "
            "remain, and the report in `details` has the last line that was processed. Sending "
            "the file again is safe: rows that are stored change nothing. `id` must match the "
            "phone number. `created_at` is stored for new contacts. `updated_at` is ignored.",
            query=ImportQuerySchema(),
            defaults=ImportQuery(),
            texts={ANY: _FILE},
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
            errors=(404,),
        ),
    },
    schemas={
        "ImportAnswer": success({"preview": ref("ImportPreview")}, report=ref("ImportReport")),
        "ImportPreview": shape(
            problem=_NULLABLE_STRING,
            titles={**INTEGER, "description": "Lines above the names of the columns."},
            columns=array(
                shape(
                    column=STRING,
                    field={**_NULLABLE_STRING, "description": "Null where it is left out."},
                    kind={**_NULLABLE_STRING, "description": "Which phone numbers it has."},
                    type={**_NULLABLE_STRING, "description": "What its values must be."},
                    source={
                        **STRING,
                        "enum": ["named", "mapped", "known", "guessed"],
                        "description": "Who named the field: the column itself, the parameter "
                        "`map`, the known names, or nobody, so that it keeps its name.",
                    },
                    samples=array(STRING),
                )
            ),
            bare={
                **nullable(shape(numbers=INTEGER, valid=INTEGER)),
                "description": "Phone numbers without `+` and country, and how many of them are "
                "valid with their first digits as country code.",
            },
            new_tags=array(STRING),
            new_fields=array(STRING),
            samples=shape(
                created=array(ref("ImportSample")),
                updated=array(ref("ImportSample")),
                unchanged=array(ref("ImportSample")),
                rejected=array(shape(line=_LINE, reasons=array(STRING))),
            ),
        ),
        "ImportSample": shape(
            line=_LINE,
            phone=STRING,
            added={"type": "object"},
            replaced={"type": "object", "description": "`before` and `after`, by field."},
            removed={"type": "object"},
        ),
        "ImportReport": shape(
            rows={**INTEGER, "description": "Sum of the next four."},
            created=INTEGER,
            updated=INTEGER,
            unchanged=INTEGER,
            rejected=INTEGER,
            repeated={
                **INTEGER,
                "description": "Rows with the phone number of an earlier row; the last row wins.",
            },
            dry_run=BOOLEAN,
            last_line={**INTEGER, "description": "Last line that was processed."},
            format={**STRING, "enum": list(FORMATS)},
            encoding={**_NULLABLE_STRING, "description": "Such as UTF-8 or Windows-1252."},
            profile={**_NULLABLE_STRING, "description": "The program that wrote the file."},
            columns={
                "type": "object",
                "additionalProperties": STRING,
                "description": "The field of each column; empty where it is left out.",
            },
            numbers={
                "type": "object",
                "additionalProperties": INTEGER,
                "description": "Rows that are not rejected, by the country of their phone.",
            },
            errors={**_REASONS, "maxItems": MAX_ERRORS},
            warnings={**_REASONS, "maxItems": MAX_ERRORS},
        ),
    },
    names={
        **find.FEATURE.names,
        "dry_run": "Report what would happen to the rows, and store nothing.",
        "map": "Fields of columns, such as `Mobile=phone,Plan=custom_fields.plan`. `Notes=` "
        "ignores a column. Write a comma in a name as `\\,`. The parameter can be repeated.",
        "default_country": "Country of phone numbers without a country code, such as `IN`. They "
        "are read as international where only that is valid.",
        "international": "All phone numbers begin with a country code, also those without `+`.",
        "encoding": "Encoding of the file, such as `windows-1252`. Default: by its content.",
        "sheet": "Sheet of an Excel workbook. Default: the first.",
        "skip_lines": "Lines above the names of the columns. Default: those that look like titles.",
        "tags": "Whether a row's tags are added to those of its contact, or replace them.",
        "add_tag": "A tag for each contact. The parameter can be repeated.",
        "tag_separator": "What is between tags in a cell. Default: by the program that wrote it.",
        "lenient": "Leave out invalid cells instead of their rows, with a warning.",
        "match_twins": "Update the contact whose phone number differs by Brazil's or Argentina's "
        "9 only, instead of creating another.",
        "stop_on_disconnect": "End the import after the current batch if the client closes the "
        "connection. Without it the server imports the whole file once it has received it.",
        "format": "Format of the file; `vcf` is vCard 3.0. Default: for an import by its content, "
        "else `csv`.",
    },
)
