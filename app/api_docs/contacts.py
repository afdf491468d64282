"""Describes the routes about one contact."""

from app.api_docs.json_schema import (
    BOOLEAN,
    INSTANT,
    STRING,
    TRUE,
    JsonSchema,
    array,
    nullable,
    ref,
    shape,
    success,
)
from app.api_docs.operation import Feature, Operation, Response
from app.contacts.model import MAX_CUSTOM_FIELDS, MAX_TAGS
from app.contacts.schemas import (
    ContactQuerySchema,
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
        "additionalProperties": {"description": "A string, a number or a boolean."},
    },
    "updated_at": INSTANT,
}
_ALIASES: dict[str, JsonSchema] = {
    "aliases": {
        **array(STRING),
        "description": "With `include=aliases`: phone numbers that were merged into this contact.",
    }
}
_CHANGED: JsonSchema = {
    **array(STRING),
    "description": "Names of the fields that changed, such as `email` or `custom_fields.plan`.",
}
_WAS_CHANGED = Response("The contact after the change.", ref("ChangedContact"), ("ETag",))
_PRECONDITION = ("If-Match",)
_LOST = (404, 412)

FEATURE = Feature(
    name="Contacts",
    description="Create, read, change, delete and merge one contact.",
    operations={
        "contacts.post_contact": Operation(
            "Create or update a contact",
            "Updates the contact with this phone number, or creates it. Fields that are absent or "
            "`null` keep their value, and so do those that are blank. `tags` replaces all tags; "
            "`add_tags` and `remove_tags` change single ones. `custom_fields` is merged key by "
            "key.",
            query=UpsertQuerySchema(),
            defaults=UpsertQuery(),
            body=ContactSchema(),
            responses={
                200: Response("The contact existed.", ref("UpsertedContact")),
                201: Response("The contact was created.", ref("UpsertedContact")),
            },
            writes=True,
        ),
        "contacts.get_contact": Operation(
            "Show a contact",
            "Returns the contact with this id or phone number, with all its fields.",
            query=ContactQuerySchema(),
            headers=("If-None-Match",),
            responses={
                200: Response("The contact.", ref("OneContact"), ("ETag",)),
                304: Response("The contact still has the `ETag` that was sent.", headers=("ETag",)),
            },
            errors=(404, 422),
        ),
        "contacts.patch_contact": Operation(
            "Change a contact",
            "Applies a JSON merge patch (RFC 7396): `null` clears a value or removes a custom "
            "field, and so does a blank string. The phone cannot be changed: create a contact with "
            "the new number, then merge.",
            headers=_PRECONDITION,
            body=PatchSchema(),
            responses={200: _WAS_CHANGED},
            errors=(409, *_LOST),
            writes=True,
        ),
        "contacts.delete_contact": Operation(
            "Delete a contact",
            "Erases the contact with its tags, custom fields and merged numbers. This cannot be "
            "undone.",
            headers=_PRECONDITION,
            responses={200: Response("The contact was deleted.", ref("DeletedContact"))},
            errors=(*_LOST, 422),
            writes=True,
        ),
        "contacts.post_contact_tags": Operation(
            "Add tags to a contact",
            "Adds tags to the end. Tags that the contact already has are ignored.",
            headers=_PRECONDITION,
            body=TagsSchema(),
            responses={200: _WAS_CHANGED},
            errors=_LOST,
            writes=True,
        ),
        "contacts.delete_contact_tag": Operation(
            "Remove a tag from a contact",
            "Returns 404 if no contact has this tag. Nothing changes if only other contacts have "
            "it.",
            headers=_PRECONDITION,
            responses={200: _WAS_CHANGED},
            errors=(*_LOST, 422),
            writes=True,
        ),
        "contacts.post_contact_merge": Operation(
            "Merge another contact into this one",
            "Copies the values, tags and custom fields that this contact lacks, then deletes the "
            "other contact. Its phone number and id become aliases of this contact.",
            headers=_PRECONDITION,
            body=MergeSchema(),
            responses={200: _WAS_CHANGED},
            errors=(409, *_LOST),
            writes=True,
        ),
    },
    schemas={
        "Contact": shape(_ALIASES, **_DOCUMENTED, **_FULL),
        "ListedContact": shape(_FULL | _ALIASES, **_DOCUMENTED),
        "ContactThen": shape(
            {
                "merged": {
                    **STRING,
                    "description": "The id of the contact that was merged into this one.",
                }
            },
            **_DOCUMENTED,
            **_FULL,
            changed=_CHANGED,
            previous={
                "type": "object",
                "description": "The value before of each field in `changed`; null where there was "
                "none. Empty for a new contact.",
            },
        ),
        "OneContact": success(contact=ref("Contact")),
        "ChangedContact": success(contact=ref("Contact"), changed=_CHANGED),
        "DeletedContact": success(contact=shape(id=STRING, deleted=TRUE)),
        "UpsertedContact": success(
            {
                "twins": {
                    **array(STRING),
                    "description": "If created: ids of stored contacts that may be the same "
                    "person, with or without the 9 of mobile numbers in Brazil and Argentina.",
                },
                "dry_run": TRUE,
                "diff": {
                    "type": "object",
                    "description": "With `dry_run`: the value of each changed field before and "
                    "after.",
                    "additionalProperties": shape(before={}, after={}),
                },
            },
            contact=ref("Contact"),
            created=BOOLEAN,
            changed=_CHANGED,
        ),
    },
    names={
        "id": "`cnt_` and the phone number, or the phone number in any accepted spelling.",
        "phone": "Phone number with its country code. Spaces, dashes, brackets, `+`, `00`, "
        "`tel:`, `whatsapp:`, `wa.me` links and `@c.us` are accepted.",
        "first_name": "Trimmed. A blank string means unset.",
        "last_name": "Trimmed. A blank string means unset.",
        "email": "A valid e-mail address. A blank string means unset.",
        "tags": "Trimmed and stored in this order. Duplicates are removed.",
        "add_tags": "Tags to add to the end. Not together with `tags`.",
        "remove_tags": "Tags to remove. Not together with `tags`.",
        "custom_fields": "Values by key: strings, numbers or booleans. They are returned as they "
        "were sent.",
        "from": "The id or phone number of the other contact.",
        "include": "`aliases` adds the phone numbers that were merged into the contact; the other "
        "fields are always there.",
        "tag": "The exact tag; case-sensitive.",
        "match_twins": "If the number is not stored but its twin is, update the twin. Twins differ "
        "by the 9 of mobile numbers in Brazil and Argentina.",
        "dry_run": "Return the result with a `diff`, and store nothing.",
    },
    paths={"id": {"type": "string", "minLength": 1}, "tag": {"type": "string", "minLength": 1}},
)
