"""Describes the routes about custom fields of all contacts."""

from app.api_docs.json_schema import (
    INTEGER,
    PAGINATION,
    STRING,
    TRUE,
    array,
    choice,
    nullable,
    ref,
    shape,
    success,
)
from app.api_docs.operation import NEXT_PAGE, Feature, Operation, Response
from app.contacts.fields import KEY_PATTERN
from app.contacts.values import TYPES
from app.custom_fields.schemas import PinSchema
from app.web.paging import PageQuery, PageQuerySchema

FEATURE = Feature(
    name="Custom fields",
    description="Custom fields of all contacts, with their labels and required types.",
    operations={
        "custom_fields.get_custom_fields": Operation(
            "List custom fields",
            "Lists the fields by key, with the type of their values, the number of contacts that "
            "have them, and their label and required type.",
            query=PageQuerySchema(),
            defaults=PageQuery(),
            responses={
                200: Response("A page of the list.", ref("CustomFieldList"), sometimes=NEXT_PAGE)
            },
        ),
        "custom_fields.put_custom_field": Operation(
            "Pin a custom field",
            "Sets the label and required type of a field, which need not exist yet. From then on a "
            "value of another type is converted if nothing is lost, else rejected with 422. Stored "
            "values stay, unless `convert` is true: then they are converted in batches, each "
            "contact with its own event. A label or type that is absent or `null` is removed.",
            body=PinSchema(),
            responses={200: Response("The field after the change.", ref("OneCustomField"))},
            writes=True,
        ),
        "custom_fields.delete_custom_field": Operation(
            "Delete a custom field",
            "Removes the field from every contact, with its label and required type. The response "
            "is sent after the last contact.",
            responses={200: Response("The field was deleted.", ref("DeletedCustomField"))},
            errors=(404, 422),
            writes=True,
        ),
    },
    schemas={
        "CustomField": shape(
            key=STRING,
            type={
                **nullable(choice(*TYPES, "mixed")),
                "description": "Type of the stored values. Without values: the required type, or "
                "null.",
            },
            contacts={**INTEGER, "description": "Number of contacts that have the field."},
            label=nullable(STRING),
            required_type={
                **nullable(choice(*TYPES)),
                "description": "Type that new values must have.",
            },
        ),
        "CustomFieldList": success(custom_fields=array(ref("CustomField")), pagination=PAGINATION),
        "OneCustomField": success(
            {
                "converted": {
                    **INTEGER,
                    "description": "With `convert`: number of contacts whose value was converted.",
                },
                "unconverted": {
                    **INTEGER,
                    "description": "With `convert`: number of contacts that keep a value of "
                    "another type.",
                },
            },
            custom_field=ref("CustomField"),
        ),
        "DeletedCustomField": success(
            custom_field=shape(key=STRING, deleted=TRUE),
            changed={**INTEGER, "description": "Number of contacts that had the field."},
        ),
    },
    names={
        "key": "The key of the field; trimmed, case-sensitive.",
        "label": "Name to show to people; trimmed. An empty string means none.",
        "type": "Type that new values must have. A `date` is kept as `2026-06-02`, a `datetime` in "
        "UTC, as `2026-06-02T08:00:00Z`.",
        "convert": "Convert the stored values to this type, where nothing is lost.",
        "limit": "Maximum number of fields to return.",
        "offset": "Number of fields to skip.",
    },
    paths={"key": {"type": "string", "pattern": f"^{KEY_PATTERN}$"}},
)
