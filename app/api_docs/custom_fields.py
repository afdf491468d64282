"""What is said of the routes of custom fields over all contacts."""

from app.api_docs.operation import (
    INTEGER,
    PAGINATION,
    STRING,
    Answer,
    Feature,
    Operation,
    array,
    nullable,
    ref,
    shape,
    success,
)
from app.contacts.fields import KEY_PATTERN
from app.custom_fields.schemas import TYPES, PinSchema
from app.web.paging import PageQuery, PageQuerySchema

FEATURE = Feature(
    name="Custom fields",
    description="Custom fields over all contacts, and what is pinned of them.",
    operations={
        "custom_fields.get_custom_fields": Operation(
            "List custom fields",
            "All fields by key: the type found, how many contacts have each, what is pinned.",
            query=PageQuerySchema(),
            defaults=PageQuery(),
            answers={200: Answer("A page of the list.", ref("CustomFieldList"))},
        ),
        "custom_fields.put_custom_field": Operation(
            "Pin a custom field",
            "Sets its label and its type, known or not. From then on a value of another type is a "
            "422; what is stored stays. What is left out or `null` is taken away.",
            body=PinSchema(),
            answers={200: Answer("The field as it is now.", ref("OneCustomField"))},
            writes=True,
        ),
        "custom_fields.delete_custom_field": Operation(
            "Delete a custom field",
            "Removes it from every contact, and what is pinned of it. Answers after the last one.",
            answers={200: Answer("No contact has it.", ref("DeletedCustomField"))},
            errors=(404, 422),
            writes=True,
        ),
    },
    schemas={
        "CustomField": shape(
            key=STRING,
            type={
                "enum": [*TYPES, "mixed", None],
                "description": "Of the values there are; the pinned one, or null, where there are "
                "none.",
            },
            contacts={**INTEGER, "description": "How many contacts have it."},
            label=nullable(STRING),
            required_type={"enum": [*TYPES, None], "description": "What is pinned."},
        ),
        "CustomFieldList": success(custom_fields=array(ref("CustomField")), pagination=PAGINATION),
        "OneCustomField": success(custom_field=ref("CustomField")),
        "DeletedCustomField": success(
            custom_field=shape(key=STRING, deleted={"const": True}),
            changed={**INTEGER, "description": "How many contacts had it."},
        ),
    },
    names={
        "key": "The field's key; trimmed, case counts.",
        "label": "What people call it; trimmed, empty means none.",
        "type": "What its values must be from now on.",
        "limit": "How many fields to answer with.",
        "offset": "How many fields to skip.",
    },
    paths={"key": {"type": "string", "pattern": f"^{KEY_PATTERN}$"}},
)
