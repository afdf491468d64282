"""A filter as a Python function finds what the same filter finds as SQL."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.contacts.model import Contact
from app.contacts.store import insert_contacts
from app.database import Database
from app.errors import InvalidInput
from app.search.filters import Filter
from app.search.grammar import parse_tree, parse_words
from app.search.matching import Facts, compile_filter
from app.search.paging import Search
from app.search.planner import search_contacts
from app.search.resolve import resolve

WHEN = "2026-06-0{}T08:00:00Z"
UPDATED = [
    f"2026-06-0{day}T08:00:00{end}" for day in range(1, 5) for end in ("Z", ".000000Z", ".999999Z")
]
TEXTS = ["Priya", "priya", "Zoë", "zoe", "Straße", "a b", "24/7", "9188"]
EMAILS = ["priya@example.com", "ZOE@example.com"]
VALUES = ["pro", "Pro", "10", "2026-06-01", 10, 10.0, 10.5, -3, True, False, 1, 0]
KEYS = ["plan", "score", "a.b"]
TAGS = ["VIP", "vip", "Lead"]
PHONES = [f"9188568791{number:02}" for number in range(8)]

maybe = st.none() | st.sampled_from(TEXTS)
contacts = st.builds(
    lambda created, updated, first, last, email, tags, fields: (
        created, updated, first, last, email, tuple(tags), fields,
    ),
    st.integers(1, 4),
    st.sampled_from(UPDATED),
    maybe,
    maybe,
    st.none() | st.sampled_from(EMAILS),
    st.lists(st.sampled_from(TAGS), unique=True),
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)),
)  # fmt: skip


def leaf(field: str, op: str, value: object) -> dict[str, object]:
    return {"field": field, "op": op, "value": value}


def leaves(field: str, ops: tuple[str, ...], values: list[Any]) -> st.SearchStrategy[Any]:
    value = st.sampled_from(values)
    return st.one_of(
        st.builds(leaf, st.just(field), st.sampled_from(ops), value),
        st.builds(leaf, st.just(field), st.just("in"), st.lists(value, min_size=1, max_size=3)),
        st.builds(leaf, st.just(field), st.just("exists"), st.booleans()),
    ).filter(lambda each: _is_valid(each))


def _is_valid(tree: object) -> bool:
    try:
        parse_tree(tree)
    except ValidationError:
        return False
    return True


ORDER = ("gt", "gte", "lt", "lte")
ALL = ("eq", "ne", *ORDER, "contains", "starts_with")
conditions = st.one_of(
    leaves("first_name", ALL, TEXTS),
    leaves("last_name", ALL, TEXTS),
    leaves("email", ALL, [*EMAILS, "zoe"]),
    leaves("tag", ("eq", "ne"), TAGS),
    leaves("phone", ("eq", "ne", "starts_with"), [*PHONES, "14155552671"]),
    leaves("created_at", ("eq", "ne", *ORDER), [WHEN.format(day) for day in range(1, 5)]),
    leaves("updated_at", ("eq", "ne", *ORDER), [WHEN.format(day) for day in range(1, 5)]),
    *(leaves(f"custom_fields.{key}", ALL, VALUES) for key in KEYS),
)
trees = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=5,
)
filters = st.one_of(
    trees.map(parse_tree),
    st.sampled_from([*TEXTS, "pri", "91", "z s", "example"]).map(parse_words),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    stored=st.lists(contacts, min_size=1, max_size=8),
    asked=st.lists(filters, min_size=1, max_size=8),
)
def test_python_and_sql_agree(db: Database, stored: list[Any], asked: list[Filter]) -> None:
    made = [
        Contact(phone, WHEN.format(created), updated, first, last, email, tags, fields)
        for phone, (created, updated, first, last, email, tags, fields) in zip(
            PHONES, stored, strict=False
        )
    ]
    aliases = {PHONES[0]: ["14155552671"]}
    with db.transaction() as tx:
        for table in (
            "contacts",
            "contact_words",
            "contact_tags",
            "custom_field_values",
            "aliases",
        ):
            tx.change(f"DELETE FROM {table}", {})
        insert_contacts(tx, made)
        tx.change(
            "INSERT INTO aliases SELECT '14155552671', id FROM contacts WHERE phone = :phone",
            {"phone": PHONES[0]},
        )
    for filter in asked:
        with db.snapshot() as snapshot:
            try:
                filter = resolve(snapshot, filter)
            except InvalidInput:  # An order comparison that the stored values do not allow.
                continue
            page = search_contacts(snapshot, Search(filter, limit=100))
        by_sql = {view.split('"')[3].removeprefix("cnt_") for view in page.contacts}
        test = compile_filter(filter)
        by_python = {
            each.phone
            for each in made
            if test(Facts(each, lambda each=each: aliases.get(each.phone, ())))  # type: ignore[misc]
        }
        assert by_python == by_sql, filter
