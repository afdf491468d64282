"""Describes the data of events, in the changes feed and in webhooks."""

from app.api_docs.json_schema import STRING, JsonSchema, ref, shape
from app.journal import model

_ERASED = shape(id=STRING, deleted={"const": True})
_CONTACT: JsonSchema = {
    "anyOf": [ref("ContactThen"), _ERASED],
    "description": "The contact after this change; only its id after the contact is deleted.",
}

# By event: when it happens, and its data.
EVENTS: dict[str, tuple[str, JsonSchema]] = {
    model.CREATED: ("A contact was created", _CONTACT),
    model.UPDATED: ("A contact was updated", _CONTACT),
    model.DELETED: ("A contact was deleted", _ERASED),
    model.MERGED: ("Another contact was merged into this one", _CONTACT),
    model.TAG_RENAMED: ("A tag was renamed", shape(name=STRING, new_name=STRING)),
    model.TAG_DELETED: ("A tag was deleted", shape(name=STRING)),
    model.FIELD_DELETED: ("A custom field was deleted", shape(key=STRING)),
}
