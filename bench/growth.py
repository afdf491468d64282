"""What queries cost as the store grows: medians at each size, and the ratio of last to first.

Contacts have 200 tags by Zipf's law, three custom fields and names of some thousand kinds. Costs
are of the search itself, from a parsed query to rendered contacts, on one thread and warm.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from app import create_app
from app.contacts import store
from app.contacts.model import Contact
from app.search import store as lists
from app.search.paging import Position, encode_cursor
from app.search.planner import search_contacts
from app.search.schemas import ListQuerySchema
from app.settings import load
from app.web.service import service_of

TAGS = 200
RUNS = 15
BATCH = 10_000
COUNTRIES = ("9188", "1415", "4477", "5511", "4915", "3361", "2348", "6281")
LETTERS = "aeioubcdfghklmnprstvyz"

QUERIES = {
    "first page": "",
    "totals (deepest offset)": "offset={last}",
    "offset in the middle": "offset={middle}",
    "tag page, common": "tag=tag0",
    "tag page, rare": "tag=tag199",
    "tags, common + rare": "tag=tag0&tag=tag199",
    "tags, common + common": "tag=tag0&tag=tag1",
    "field equality, rare": "custom_fields[number]={n}",
    "field equality, common": "custom_fields[plan]=pro",
    "field range, narrow": "custom_fields[score][gte]=0.999",
    "field range, wide": "custom_fields[score][gte]=0.5",
    "field range + tag": "custom_fields[score][lt]=0.1&tag=tag3",
    "field contains": "custom_fields[plan][contains]=ro",
    "e-mail": "email={email}",
    "q, 1 character": "q={q1}",
    "q, 2 characters": "q={q2}",
    "q, 6 characters": "q={q6}",
    "q, 6 digits": "q=918812",
    "q, two words": "q={q2}+{q1}",
    "created since": "created_since=2026-01-01T00:00:00Z",
    "sort by created_at": "sort=created_at",
    "sort by updated_at": "sort=-updated_at",
    "sort by last_name": "sort=last_name",
    "sort by first_name": "sort=-first_name",
    "sort by email": "sort=email",
    "sort by phone": "sort=-phone",
    "sort + common tag": "sort=last_name&tag=tag0",
    "sort + rare tag": "sort=last_name&tag=tag199",
    "sort + field": "sort=-created_at&custom_fields[plan]=pro",
    "cursor, deep": "cursor={deep}",
    "cursor, deep, tag": "tag=tag0&cursor={deep_tag}",
}


def names(random):
    def name(least):
        return "".join(random.choices(LETTERS, k=random.randrange(least, 9))).capitalize()

    return [name(3) for _ in range(2_000)], [name(4) for _ in range(5_000)]


def contacts(random, kinds, start, end):
    """Yield contacts that are as unlike each other as those of a shop."""
    weights = [1 / (rank + 1) for rank in range(TAGS)]
    first_names, last_names = kinds
    for number in range(start, end):
        first, last = random.choice(first_names), random.choice(last_names)
        tags = {f"tag{n}" for n in random.choices(range(TAGS), weights, k=2)}
        when = f"20{20 + number % 7}-06-{1 + number % 28:02}T{number % 24:02}:00:00Z"
        phone = f"{random.choice(COUNTRIES)}{number:07}"
        email = f"{first}.{last}{number % 97}@example.com".lower()
        fields = {
            "plan": random.choice(("free", "pro", "team")),
            "score": random.random(),
            "number": number,
        }
        yield Contact(phone, when, when, first, last, email, tuple(sorted(tags)), fields)


def grow(db, random, kinds, start, end):
    for begin in range(start, end, BATCH):
        progress(f"{begin:,} of {end:,} contacts")
        with db.transaction() as tx:
            store.insert_contacts(tx, contacts(random, kinds, begin, min(begin + BATCH, end)))


def parameters(db, random, kinds, size, schema):
    _, last_names = kinds
    name = random.choice([each for each in last_names if len(each) >= 6]).lower()
    [(email,)] = db.connection().execute(
        "SELECT email_key FROM contacts WHERE id = :id", {"id": random.randrange(1, size)}
    )
    tagged, _ = schema.load({"tag": ["tag0"]})
    middle = Position(size // 2, size // 2)
    every, _ = schema.load({})
    return {
        "last": size - 20,
        "middle": size // 2,
        "n": random.randrange(size),
        "email": email,
        "q1": name[:1],
        "q2": name[:2],
        "q6": name[:6],
        "deep": encode_cursor(middle, (every.filter, every.sort)),
        "deep_tag": encode_cursor(middle, (tagged.filter, tagged.sort)),
    }


def cost(db, schema, text):
    """Return the milliseconds of one search."""
    data = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        value = value.replace("+", " ")
        if name == "tag":
            data.setdefault(name, []).append(value)
        else:
            data[name] = value
    search, _ = schema.load(data)
    started = time.perf_counter()
    if text.partition("=")[0] in ("", "offset", "tag") and "&" not in text:
        tag = search.filter.value if search.filter else None
        lists.list_contacts(
            db.connection(),
            tag=tag,
            limit=20,
            offset=search.offset,
            include=frozenset(),
        )
    else:
        with db.snapshot() as snapshot:
            search_contacts(snapshot, search)
    return (time.perf_counter() - started) * 1000


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:60}\r")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--data", type=Path, help="keep the store here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(load({}, data=options.data or Path(folder) / "data"))
        with closing(service_of(app).db) as db:
            report(options.sizes, measure(db, options.sizes, grow))


def measure(db, sizes, grow):
    """Return the median cost of each query at each size, to which `grow` brings the store."""
    source = random.Random(1)
    kinds = names(source)
    schema = ListQuerySchema()
    results = {name: [] for name in QUERIES}
    for start, end in pairwise((0, *sizes)):
        grow(db, source, kinds, start, end)
        for name, template in QUERIES.items():
            progress(f"{end:,} contacts: {name}")
            texts = [
                template.format(**parameters(db, source, kinds, end, schema)) for _ in range(RUNS)
            ]
            cost(db, schema, texts[0])
            results[name].append(statistics.median(cost(db, schema, text) for text in texts))
    progress("")
    return results


def report(sizes, results):
    print(f"{'ms, median of ' + str(RUNS):26}" + "".join(f"{n:>12,}" for n in sizes) + "   growth")
    for name, costs in results.items():
        print(
            f"{name:26}" + "".join(f"{ms:12.3f}" for ms in costs) + f"{costs[-1] / costs[0]:9.1f}"
        )


if __name__ == "__main__":
    main()
