"""What `test_model.py` sends: few values of each kind, so that they collide."""

from typing import Any

from hypothesis import strategies as st

from tests.model.reads import BOUNDS, Query, is_blank, line

# Some are prefixes of others.
PHONES = (
    "918856879188",
    "4930123456",
    "49301234567",
    "14155552671",
    "5215512345678",
    "442079460958",
)
TEXTS = (
    *("Priya", "priya", "PRIYA", "José", "Jose", "Jose\u0301", "Łukasz", "lukasz", "", " "),
    *("%", "_", "100%", 'O"Neil', "o'neil", "Straße", "STRASSE", "Ann Marie", "anne-marie"),
    *("an", "Ω", "😀", "İ", "9188", "24/7", "4 9", "ﬁ", "Ёлка", "елка", "\u0301", "\uffff"),
)
EMAILS = ("priya@example.com", "Priya@Example.com", "ann.bee@x.org", "49.30@x.org", "")
TAGS = ("VIP", "vip", " VIP ", "Lead", "a/b", "é", "e\u0301", "%", '"q"', "ключ", "😀", "a,b", "1")
KEYS = ("plan", "Plan", " plan ", "a.b", 'a"b', "ключ", "😀", "$", "0", "a\\b", "e\u0301", "a b")
VALUES: tuple[Any, ...] = (
    *(0, 1, 1.0, True, False, 10, 10.5, 0.1, -0.0, 1e23, -(2**53) + 1, float(2**53), 5e-324, 1e308),
    *("", " ", "0", "1", "1.0", "true", "10", "10.5", "1e1", "pro", "Pro", "pros", "a%b", 'x"y'),
    *("é", "e\u0301", "tab\t\n", "a,b", "\uffff", "😀", "null"),
)
SPELLINGS = ("{}", "cnt_{}", "+{}", "00{}", "+{} ", "\u200e+{}")
ORDERED = ("gt", "gte", "lt", "lte")
OPS = ("eq", "ne", "in", "exists", "contains", "starts_with", *ORDERED)
SORTS = ("first_name", "last_name", "email", "created_at", "updated_at", "phone")

phones = st.builds(
    str.format, st.sampled_from([*SPELLINGS[0:1], *SPELLINGS[2:]]), st.sampled_from(PHONES)
)
ids = st.builds(str.format, st.sampled_from(SPELLINGS), st.sampled_from(PHONES)).map(
    # An id has the stored form of its number.
    lambda id: id.replace("cnt_521", "cnt_52")
)
tags = st.sampled_from(TAGS)
tag_lists = st.lists(tags, max_size=4)
keys = st.just("plan") | st.sampled_from(KEYS)
values = st.sampled_from((0, 1, 1.0, True, False, "1", "pro", "Pro")) | st.sampled_from(VALUES)
shown_values = values.filter(lambda value: not is_blank(value))
texts = st.sampled_from(("Priya", "priya", "José", "Jose", "Ann")) | st.sampled_from(TEXTS)
emails = st.sampled_from(EMAILS)
fields = st.lists(
    st.tuples(keys, st.none() | values), max_size=4, unique_by=lambda pair: line(pair[0])
).map(dict)
details = {
    "first_name": texts,
    "last_name": texts,
    "email": emails,
    "tags": tag_lists,
    "custom_fields": fields,
}
nullable = {name: st.none() | each for name, each in details.items()}
contacts = st.fixed_dictionaries({"phone": phones}, optional=nullable)
edited_tags = st.lists(tags, max_size=6, unique_by=line).flatmap(
    lambda drawn: st.integers(0, len(drawn)).map(
        lambda half: {"add_tags": drawn[:half], "remove_tags": drawn[half:]}
    )
)
tagged = st.builds(lambda phone, lists: {"phone": phone, **lists}, phones, edited_tags)
patches = st.fixed_dictionaries({}, optional=nullable)
beginning = st.lists(
    st.fixed_dictionaries({"phone": st.sampled_from(PHONES)}, optional=details),
    max_size=len(PHONES),
    min_size=3,
)

filled = (texts | emails).filter(line)
beginnings = st.builds(lambda text, size: text[:size], filled, st.integers(1, 6)).filter(line)
digits = st.sampled_from(("9", "+91 88", "0049", "4930", "49301234567", "1415", "52", "521", "7"))


@st.composite
def instants(draw: st.DrawFn, *, whole: bool) -> str:
    second = draw(st.integers(0, 12))
    form = draw(
        st.sampled_from(
            ["T08:00:{:02}Z", "t08:00:{:02}z", "T10:00:{:02}+02:00", "T02:30:{:02}-05:30"]
        )
    )
    text = "2026-06-02" + form.format(second)
    fraction = "" if whole else draw(st.sampled_from(["", ".0", ".5", ".999999"]))
    return text[:19] + fraction + text[19:]


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(
        st.sampled_from(("id", "phone", "tag", "created_at", "updated_at"))
        | st.sampled_from(("first_name", "last_name", "email"))
        | keys.map("custom_fields.{}".format)
        | keys.map("custom_fields.{}".format)
    )
    op = draw(st.sampled_from(_allowed(field)[:3]) | st.sampled_from(_allowed(field)))
    return {"field": field, "op": op, "value": draw(_operands(field, op))}


def _allowed(field: str) -> tuple[str, ...]:
    match field:
        case "id":
            return ("eq", "ne", "in")
        case "phone":
            return ("eq", "ne", "in", "starts_with")
        case "tag":
            return ("eq", "ne", "in", "exists")
        case "created_at" | "updated_at":
            return ("eq", "ne", *ORDERED)
    return OPS


def _operands(field: str, op: str) -> st.SearchStrategy[Any]:
    if op == "exists":
        return st.booleans()
    if op == "in":
        return st.lists(_operands(field, "eq"), min_size=1, max_size=3)
    match field:
        case "id":
            return ids
        case "phone":
            return digits if op == "starts_with" else phones
        case "tag":
            return tags
        case "created_at" | "updated_at":
            return instants(whole=op in ("eq", "ne"))
        case "first_name" | "last_name" | "email":
            return filled if op in ("eq", "ne") else filled | beginnings
    if op in ("contains", "starts_with"):
        return values.filter(lambda value: isinstance(value, str) and value != "")
    return shown_values.filter(lambda value: op not in ORDERED or not isinstance(value, bool))


filters = st.recursive(
    conditions(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts})
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=5,
)
word_searches = filled | beginnings | digits | st.builds("{} {}".format, beginnings, beginnings)
sorts = st.builds(
    str.__add__, st.sampled_from(["", "-"]), st.sampled_from(SORTS[:3]) | st.sampled_from(SORTS)
)
bodies = st.one_of(
    st.fixed_dictionaries({"filter": filters, "sort": sorts}),
    st.fixed_dictionaries({}, optional={"filter": filters, "q": word_searches, "sort": sorts}),
)


@st.composite
def custom_parameters(draw: st.DrawFn) -> tuple[str, str]:
    name = f"custom_fields[{draw(keys)}]"
    any_text = values.map(lambda value: value if isinstance(value, str) else repr(value).lower())
    texts = any_text.filter(lambda text: not is_blank(text))
    match draw(st.sampled_from(("", *OPS))):
        case "":
            return name, draw(texts)
        case "exists":
            return f"{name}[exists]", draw(st.sampled_from(("true", "false")))
        case "in":
            whole = texts.filter(lambda text: not text.startswith(",") and not text.endswith(","))
            return f"{name}[in]", ",".join(draw(st.lists(whole, min_size=1, max_size=3)))
        case "contains" | "starts_with" as op:
            return f"{name}[{op}]", draw(any_text.filter(bool))
        case op:
            return f"{name}[{op}]", draw(texts)


def _named(name: str, texts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just(name), texts)


parameters = st.lists(
    st.one_of(
        _named("tag", tags),
        _named("q", word_searches),
        _named("email", emails.filter(bool)),
        _named("phone", phones),
        st.sampled_from(list(BOUNDS)).flatmap(lambda name: _named(name, instants(whole=False))),
        custom_parameters(),
    ),
    max_size=2,
    unique_by=lambda pair: pair if pair[0] == "tag" else pair[0],
)
orders = st.lists(_named("sort", sorts), max_size=1)
queries = st.one_of(
    st.builds(lambda *parts: Query(sum(map(tuple, parts), ())), parameters, orders),
    _named("sort", sorts).map(lambda pair: Query((pair,))),
    bodies.map(lambda body: Query(body=body)),
)
