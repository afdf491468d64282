"""Describes the routes that list, search and match contacts."""

from dataclasses import replace

from app.api_docs.json_schema import (
    BOOLEAN,
    INTEGER,
    STRING,
    TRUE,
    JsonSchema,
    array,
    choice,
    nullable,
    ref,
    shape,
    success,
)
from app.api_docs.operation import NEXT_PAGE, Feature, Operation, Response
from app.search.grammar import FIELD_OPS, MAX_CONDITIONS, MAX_DEPTH, MAX_WORDS, OPS
from app.search.paging import Search
from app.search.planner import CHEAP_CONDITIONS, SCAN_BUDGET
from app.search.schemas import MAX_TAGS_ASKED, ListQuerySchema, MatchSchema, SearchSchema

_FOUND = Response("A page of matching contacts.", ref("ContactList"))
_TIMES = "RFC 3339, or `now`, `today`, `-7d`, `+12h`, `-3mo` (`min h d w mo y`)."
_TOTAL: JsonSchema = {
    **nullable({**INTEGER, "minimum": 0}),
    "description": "Number of matching contacts; null if counting them would take too long.",
}
_FILTERS: JsonSchema = {**array(ref("Filter")), "minItems": 1, "maxItems": MAX_CONDITIONS}
# One plain class in generated clients; tests/api_docs/filter_grammar.py has the exact grammar.
_FILTER: JsonSchema = {
    "type": "object",
    "description": "One condition, which has `field`, `op` and `value`; or filters that are "
    f"combined with `all`, `any` or `not`. Nested at most {MAX_DEPTH} deep, with at most "
    f"{MAX_CONDITIONS} conditions and {4 * MAX_CONDITIONS} values.",
    "properties": {
        "field": {
            **STRING,
            "description": f"`{' '.join(FIELD_OPS)}`, or `custom_fields.` and a key.",
        },
        "op": {
            **choice(*OPS),
            "description": '`ne` is "not eq": it also matches contacts without the field. '
            + " ".join(f"`{field}` takes {', '.join(ops)}." for field, ops in FIELD_OPS.items()),
        },
        "value": {
            "description": "A string, number or boolean; an array for `in`, a boolean for `exists`."
        },
        "all": {**_FILTERS, "description": "All of the filters match."},
        "any": {**_FILTERS, "description": "At least one of the filters matches."},
        "not": {**ref("Filter"), "description": "The filter does not match."},
    },
    "minProperties": 1,
    "maxProperties": 3,
    "additionalProperties": False,
}

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
            errors=(404,),
        ),
        "search.post_contacts_search": Operation(
            "Search contacts",
            "Same as the list, with a filter in JSON: values have types, and `all`, `any` and "
            "`not` combine conditions. Send `cursor` or `offset`, not both.",
            body=SearchSchema(),
            responses={200: _FOUND},
            errors=(404,),
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
        "Filter": _FILTER,
        "ContactList": success(
            contacts=array(ref("ListedContact")),
            pagination=shape(
                {
                    "offset": {**INTEGER, "description": "Present in a page by offset."},
                    "next_cursor": {
                        **nullable(STRING),
                        "description": "Present in a page by cursor: the `cursor` of the next "
                        "page; null at the end.",
                    },
                    "total_is_estimate": {
                        **TRUE,
                        "description": "Present if `total` is null.",
                    },
                },
                total=_TOTAL,
                limit=INTEGER,
            ),
        ),
        "Match": success(
            matches=BOOLEAN,
            because=array(
                shape(
                    field=STRING,
                    op=choice(*OPS),
                    value={"description": "Value as compared; phone numbers are normalised."},
                    actual={"description": "Value that the contact has."},
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
        "segment": "Contacts in this segment. An unknown one is a 404.",
        "email": "Contacts with exactly this e-mail address.",
        "phone": "The contact with this phone number, in any accepted spelling.",
        "created_since": f"Created at or after this time. {_TIMES}",
        "created_before": f"Created before this time. {_TIMES}",
        "updated_since": f"Updated at or after this time. {_TIMES}",
        "updated_before": f"Updated before this time. {_TIMES}",
        "custom_fields": "Conditions on custom fields. Each member is a separate query parameter "
        "with the key in brackets and an optional operator, such as `custom_fields[plan]=pro` or "
        f"`custom_fields[score][gte]=10`. Operators are `{' '.join(OPS)}`; the default is `eq`. "
        "`in` takes a comma list, `exists` takes `true` or `false`. Values have no types: `eq` "
        'matches the number 10 and the string "10". `gt gte lt lte` compare a number with numbers '
        "and other text with strings; fields that are pinned to `date` or `datetime` compare by "
        "instant. A comparison that cannot mean anything is a 422 that says what to pin.",
        "filter": "The filter that contacts must match.",
        "sort": "Field to sort by; `-` in front means descending. Nulls come last. Default: oldest "
        "first.",
        "cursor": "Cursor of the page: send `start` first, then `next_cursor` until it is null. An "
        "empty one is rejected. No contact is repeated or missed. A cursor is required if a query "
        f"must examine more than {SCAN_BUDGET:,} contacts, a fifth of them on PostgreSQL, or fewer "
        f"with more than {CHEAP_CONDITIONS} conditions.",
        "include": "Fields to add to each contact.",
    },
    paths={"id": {"type": "string", "minLength": 1}},
)
