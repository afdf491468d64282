"""What is said of the routes of contacts."""

from app.api_docs.operation import (
    BOOLEAN,
    INSTANT,
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
from app.contacts.model import MAX_CUSTOM_FIELDS, MAX_TAGS
from app.contacts.schemas import (
    ContactSchema,
    MergeSchema,
    PatchSchema,
    TagsSchema,
    UpsertQuery,
    UpsertQuerySchema,
)

_TAGS: JsonSchema = {**array(STRING), "maxItems": MAX_TAGS, "uniqueItems": True}
_DOCUMENTED: dict[str, JsonSchema] = {
    "id": {"type": "string", "pattern": "^cnt_[0-9]+$"},
    "phone": {"type": "string", "pattern": "^[0-9]+$", "description": "E.164 without `+`."},
    "first_name": nullable(STRING),
    "last_name": nullable(STRING),
    "email": nullable(STRING),
    "tags": _TAGS,
    "created_at": INSTANT,
}
_FULL: dict[str, JsonSchema] = {
    "custom_fields": {
        "type": "object",
        "maxProperties": MAX_CUSTOM_FIELDS,
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    },
    "updated_at": INSTANT,
}
_CHANGED: JsonSchema = {
    **array(STRING),
    "description": "The fields that changed, such as `email` or `custom_fields.plan`.",
}
_WAS_CHANGED = Answer("The contact as it is now.", ref("ChangedContact"), ("ETag",))
_PRECONDITION = ("If-Match",)
_LOST = (404, 412)

FEATURE = Feature(
    name="Contacts",
    description="Contacts by phone number, one at a time.",
    operations={
        "contacts.post_contact": Operation(
            "Create or update a contact",
            "Known phones are updated, others are created. What is left out or `null` stays as it "
            "is; `tags` replaces the set; `custom_fields` is merged key by key.",
            query=UpsertQuerySchema(),
            defaults=UpsertQuery(),
            body=ContactSchema(),
            answers={
                200: Answer("The contact was known.", ref("UpsertedContact")),
                201: Answer("The contact is new.", ref("UpsertedContact")),
            },
            writes=True,
        ),
        "contacts.get_contact": Operation(
            "Show a contact",
            "All about one contact, found by its id or any spelling of its phone.",
            headers=("If-None-Match",),
            answers={
                200: Answer("The contact.", ref("OneContact"), ("ETag",)),
                304: Answer("Unchanged since the `ETag` that was sent.", headers=("ETag",)),
            },
            errors=(404, 422),
        ),
        "contacts.patch_contact": Operation(
            "Change a contact",
            "A JSON merge patch (RFC 7396): `null` clears a value or removes a custom field. "
            "The phone cannot be changed: create the new number, then merge.",
            headers=_PRECONDITION,
            body=PatchSchema(),
            body_types=("application/merge-patch+json", "application/json"),
            answers={200: _WAS_CHANGED},
            errors=(409, *_LOST),
            writes=True,
        ),
        "contacts.delete_contact": Operation(
            "Delete a contact",
            "Erases it, its tags, custom fields and merged numbers; this cannot be undone.",
            headers=_PRECONDITION,
            answers={200: Answer("It is gone.", ref("DeletedContact"))},
            errors=(*_LOST, 422),
            writes=True,
        ),
        "contacts.post_contact_tags": Operation(
            "Add tags to a contact",
            "Those that it carries already stay as they are.",
            headers=_PRECONDITION,
            body=TagsSchema(),
            answers={200: _WAS_CHANGED},
            errors=_LOST,
            writes=True,
        ),
        "contacts.delete_contact_tag": Operation(
            "Take a tag from a contact",
            "404 is for a tag that no contact carries; one that only others carry changes nothing.",
            headers=_PRECONDITION,
            answers={200: _WAS_CHANGED},
            errors=(*_LOST, 422),
            writes=True,
        ),
        "contacts.post_contact_merge": Operation(
            "Merge another contact into this one",
            "Takes over what is missing here. The other's number goes on as an alias of this one.",
            headers=_PRECONDITION,
            body=MergeSchema(),
            answers={200: _WAS_CHANGED},
            errors=(409, *_LOST),
            writes=True,
        ),
    },
    schemas={
        "Contact": shape(**_DOCUMENTED, **_FULL),
        "ListedContact": shape(_FULL, **_DOCUMENTED),
        "ContactThen": shape(
            {"merged": {**STRING, "description": "The id of the contact that was merged in."}},
            **_DOCUMENTED,
            **_FULL,
            changed=_CHANGED,
        ),
        "OneContact": success(contact=ref("Contact")),
        "ChangedContact": success(contact=ref("Contact"), changed=_CHANGED),
        "DeletedContact": success(contact=shape(id=STRING, deleted={"const": True})),
        "UpsertedContact": success(
            {
                "dry_run": {"const": True},
                "diff": {
                    "type": "object",
                    "description": "With `dry_run`: each changed field's value before and after.",
                    "additionalProperties": shape(before={}, after={}),
                },
            },
            contact=ref("Contact"),
            created=BOOLEAN,
            changed=_CHANGED,
        ),
    },
    names={
        "id": "`cnt_` and the phone, or the phone in any tolerated spelling.",
        "phone": "With its country code; spaces, dashes, brackets, `+`, `00`, `tel:` may be there.",
        "first_name": "Trimmed; empty means unset.",
        "last_name": "Trimmed; empty means unset.",
        "email": "A valid address; empty means unset.",
        "tags": "Trimmed, kept in this order; duplicates collapse to the first.",
        "custom_fields": "Keys with a string, a number or a boolean each; values come back as "
        "they were sent.",
        "from": "The id or phone of the contact that is merged in.",
        "tag": "The exact tag; case counts.",
        "dry_run": "Answer as it would, with a `diff`, and store nothing.",
    },
    paths={"id": {"type": "string", "minLength": 1}, "tag": {"type": "string", "minLength": 1}},
)
