"""Describes the data of events, in the changes feed and in webhooks."""

import re

from app.api_docs.json_schema import STRING, TRUE, JsonSchema, ref, shape
from app.journal import model

_ERASED = shape(id=STRING, deleted=TRUE)
_CONTACT: JsonSchema = {
    "anyOf": [ref("ContactThen"), ref("ErasedContact")],
    "description": "The contact after this change; only its id after the contact is deleted.",
}

_ID_ONLY = shape(id=STRING)
SCHEMAS: dict[str, JsonSchema] = {"ErasedContact": _ERASED, "ContactId": _ID_ONLY}

_IN_SEGMENT: JsonSchema = shape(
    segment=STRING,
    contact={
        "anyOf": [ref("Contact"), ref("ContactId")],
        "description": "The contact after the change that moved it; only its id after it is "
        "deleted.",
    },
)

# By event: when it happens, and its data.
EVENTS: dict[str, tuple[str, JsonSchema]] = {
    model.CREATED: ("A contact was created", _CONTACT),
    model.UPDATED: ("A contact was updated", _CONTACT),
    model.DELETED: ("A contact was deleted", ref("ErasedContact")),
    model.MERGED: ("Another contact was merged into this one", _CONTACT),
    model.TAG_RENAMED: ("A tag was renamed", shape(name=STRING, new_name=STRING)),
    model.TAG_DELETED: ("A tag was deleted", shape(name=STRING)),
    model.SEGMENT_ENTERED: ("A contact entered a segment", _IN_SEGMENT),
    model.SEGMENT_LEFT: ("A contact left a segment", _IN_SEGMENT),
    model.SEGMENT_DELETED: ("A segment was deleted", shape(segment=STRING)),
    model.FIELD_DELETED: ("A custom field was deleted", shape(key=STRING)),
}


def model_name(event: str) -> str:
    """Return the name of an event's schema: `ContactCreated` for `contact.created`."""
    return "".join(word.capitalize() for word in re.split("[._]", event))
