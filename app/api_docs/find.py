"""Describes the routes that list, search and match contacts."""

from dataclasses import replace

from app.api_docs.grammar import SCHEMAS
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
from app.api_docs.operation import NEXT_PAGE, Feature, Operation, Response
from app.search.grammar import MAX_WORDS, OPS
from app.search.paging import Search
from app.search.planner import CHEAP_CONDITIONS, SCAN_BUDGET
from app.search.schemas import MAX_TAGS_ASKED, ListQuerySchema, MatchSchema, SearchSchema

_FOUND = Response("A page of matching contacts.", ref("ContactList"))
_TOTAL: JsonSchema = {
    **nullable({**INTEGER, "minimum": 0}),
    "description": "Number of matching contacts; null if counting them would take too long.",
}
_ESTIMATE = {"total_is_estimate": {"const": True, "description": "Present if `total` is null."}}
_VALUE: JsonSchema = {"type": ["string", "number", "boolean", "array", "null"]}

FEATURE = Feature(
    name="Find",
    description="List and search contacts with filters; test one contact.",
    operations={
        "search.get_contacts": Operation(
            "List contacts",
            "Lists the contacts that match every parameter, or all contacts without parameters; "
            "oldest first.",
            query=ListQuerySchema(),
            defaults=Search(),
            responses={200: replace(_FOUND, sometimes=NEXT_PAGE)},
        ),
        "search.post_contacts_search": Operation(
            "Search contacts",
            "Same as the list, with a filter in JSON: values have types, and `all`, `any` and "
            "`not` combine conditions. Send `cursor` or `offset`, not both.",
            body=SearchSchema(),
            rule={"not": {"required": ["cursor", "offset"]}},
            responses={200: _FOUND},
        ),
        "search.post_contact_match": Operation(
            "Match a contact",
            "Tests a filter against one contact. Returns the result, and each condition with the "
            "value that the contact has.",
            body=MatchSchema(),
            responses={200: Response("Whether the filter matches, and why.", ref("Match"))},
            errors=(404,),
        ),
    },
    schemas={
        **SCHEMAS,
        "ContactList": success(
            contacts=array(ref("ListedContact")),
            pagination={
                "anyOf": [
                    shape(_ESTIMATE, total=_TOTAL, limit=INTEGER, offset=INTEGER),
                    shape(
                        _ESTIMATE,
                        total=_TOTAL,
                        limit=INTEGER,
                        next_cursor={
                            **nullable(STRING),
                            "description": "The `cursor` of the next page; null at the end.",
                        },
                    ),
                ]
            },
        ),
        "Match": success(
            matches=BOOLEAN,
            because=array(
                shape(
                    field=STRING,
                    op={"enum": list(OPS)},
                    value={
                        **_VALUE,
                        "description": "Value as compared; phone numbers are normalised.",
                    },
                    actual={**_VALUE, "description": "Value that the contact has."},
                    matches=BOOLEAN,
                )
            ),
        ),
    },
    names={
        "id": "`cnt_` and the phone number, or the phone number in any accepted spelling.",
        "limit": "Maximum number of contacts to return.",
        "offset": "Number of contacts to skip.",
        "tag": f"Contacts with exactly this tag; case-sensitive. Repeat it up to {MAX_TAGS_ASKED} "
        "times for contacts with all of the tags.",
        "q": f"Up to {MAX_WORDS} words. Each must start a word of the names or the e-mail, or the "
        "phone number. Case and accents are ignored. There are no operators.",
        "email": "Contacts with exactly this e-mail address.",
        "phone": "The contact with this phone number, in any accepted spelling.",
        "created_since": "Created at or after this time.",
        "created_before": "Created before this time.",
        "updated_since": "Updated at or after this time.",
        "updated_before": "Updated before this time.",
        "custom_fields": "Conditions on custom fields. Each member is a separate query parameter "
        "with the key in brackets and an optional operator, such as `custom_fields[plan]=pro` or "
        f"`custom_fields[score][gte]=10`. Operators are `{' '.join(OPS)}`; the default is `eq`. "
        "`in` takes a comma list, `exists` takes `true` or `false`. Values have no types: `eq` "
        'matches the number 10 and the string "10". `gt gte lt lte` compare a number with numbers '
        "and other text with strings.",
        "filter": "The filter that contacts must match.",
        "sort": "Field to sort by; `-` in front means descending. Nulls come last. Default: oldest "
        "first.",
        "cursor": "Cursor of the page: send `start` first, then `next_cursor` until it is null. An "
        "empty one is rejected. No contact is repeated or missed. A cursor is required if a query "
        f"must examine more than {SCAN_BUDGET:,} contacts, or fewer with more than "
        f"{CHEAP_CONDITIONS} conditions.",
        "include": "Fields to add to each contact.",
    },
    paths={"id": {"type": "string", "minLength": 1}},
)
