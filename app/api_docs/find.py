"""What is said of the routes that find contacts."""

from app.api_docs.grammar import SCHEMAS
from app.api_docs.operation import (
    BOOLEAN,
    INTEGER,
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
from app.search.filters import MAX_WORDS, OPS
from app.search.paging import Search
from app.search.planner import CHEAP_CONDITIONS, SCAN_BUDGET
from app.search.schemas import MAX_TAGS_ASKED, ListQuerySchema, MatchSchema, SearchSchema

_FOUND = {200: Answer("A page of the contacts that were found.", ref("ContactList"))}
_TOTAL: JsonSchema = {
    **nullable({**INTEGER, "minimum": 0}),
    "description": "How many match in all; null where too many would have to be counted.",
}
_ESTIMATE = {"total_is_estimate": {"const": True, "description": "There where `total` is null."}}
_VALUE: JsonSchema = {"type": ["string", "number", "boolean", "array", "null"]}

FEATURE = Feature(
    name="Find",
    description="Lists of contacts, by one grammar of filters.",
    operations={
        "search.get_contacts": Operation(
            "List contacts",
            "Those for which every parameter holds; all of them without any, oldest first.",
            query=ListQuerySchema(),
            defaults=Search(),
            answers=_FOUND,
        ),
        "search.post_contacts_search": Operation(
            "Search contacts",
            "Asks what the list asks, in JSON: values have types, and conditions are joined by "
            "`all`, `any` and `not`. Give `cursor` or `offset`, not both.",
            body=SearchSchema(),
            rule={"not": {"required": ["cursor", "offset"]}},
            answers=_FOUND,
        ),
        "search.post_contact_match": Operation(
            "Match a contact",
            "Tells whether a filter holds for a contact, and of each condition what it met.",
            body=MatchSchema(),
            answers={200: Answer("Whether it holds, and why.", ref("Match"))},
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
                    value={**_VALUE, "description": "As it is compared: phones are normalised."},
                    actual={**_VALUE, "description": "What the contact has."},
                    matches=BOOLEAN,
                )
            ),
        ),
    },
    names={
        "id": "`cnt_` and the phone, or the phone in any tolerated spelling.",
        "limit": "How many contacts to answer with.",
        "offset": "How many contacts to skip.",
        "tag": f"The exact tag; case counts. Given again, up to {MAX_TAGS_ASKED} times: all of "
        "the tags.",
        "q": f"Up to {MAX_WORDS} words: each begins a word of the names or the e-mail, or the "
        "phone. Blind to case and accents; nothing in it is an operator.",
        "email": "Exactly this e-mail.",
        "phone": "This phone, in any tolerated spelling.",
        "created_since": "Created at this instant or later.",
        "created_before": "Created before this instant.",
        "updated_since": "Changed at this instant or later.",
        "updated_before": "Changed before this instant.",
        "custom_fields": "Conditions on custom fields: each member is a query parameter of its "
        "own, with the key in brackets, and perhaps an operator, such as "
        "`custom_fields[plan]=pro` or `custom_fields[score][gte]=10`. Operators are "
        f"`{' '.join(OPS)}`; none is `eq`. `in` takes a comma list, `exists` takes `true` or "
        '`false`. A query has no types: `eq` finds the number 10 and the string "10"; '
        "`gt gte lt lte` compare numbers with numbers, else strings with strings.",
        "filter": "What must hold of a contact.",
        "sort": "The field to sort by; `-` in front is descending. Nulls come last. Left out: "
        "oldest first.",
        "cursor": "Pages by cursor: begin with an empty one, go on with `next_cursor` until it is "
        "null. No contact comes twice, and none is missed. Required where more than "
        f"{SCAN_BUDGET:,} contacts must be looked at, or fewer by more than {CHEAP_CONDITIONS} "
        "conditions.",
        "include": "What to add to each contact.",
    },
    paths={"id": {"type": "string", "minLength": 1}},
)
