"""What queries cost as the store grows: medians at each size, and the ratio of last to first.

Contacts have 200 tags by Zipf's law, three custom fields and names of some thousand kinds. Costs
are processor time of the search itself, from a parsed query to rendered contacts, on one thread and
warm. The sizes take turns, so that a busy machine slows both. `--data FOLDER` keeps the stores.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from app import clock
from app.contacts import store
from app.contacts.model import Contact
from app.database import open_store, prepare_store
from app.search import store as lists
from app.search.paging import Position, encode_cursor
from app.search.planner import search_contacts
from app.search.schemas import ListQuerySchema
from app.segments import build
from app.segments import store as segment_store
from app.settings import load

TAGS = 200
RUNS = 15
BATCH = 10_000
COUNTRIES = ("9188", "1415", "4477", "5511", "4915", "3361", "2348", "6281")
SEGMENTS = {
    "common": {"field": "custom_fields.score", "op": "lt", "value": 0.3},
    "rare": {"field": "custom_fields.number", "op": "lt", "value": 50},
}
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
    "segment page, common": "segment=common",
    "segment page, rare": "segment=rare",
    "segment + common tag": "segment=common&tag=tag0",
    "cursor, deep": "cursor={deep}",
    "cursor, deep, tag": "tag=tag0&cursor={deep_tag}",
}


def names(random):
    def name(least):
        return "".join(random.choices(LETTERS, k=random.randrange(least, 9))).capitalize()

    return [name(3) for _ in range(2_000)], [name(4) for _ in range(5_000)]


def contacts(random, size):
    """Yield contacts that are as unlike each other as those of a shop."""
    first_names, last_names = names(random)
    weights = [1 / (rank + 1) for rank in range(TAGS)]
    for number in range(size):
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


def grow(db, size):
    made = contacts(random.Random(1), size)
    while batch := list(islice(made, BATCH)):
        progress(f"{batch[0].custom_fields['number']:,} of {size:,} contacts")
        with db.transaction() as tx:
            store.insert_contacts(tx, batch)


def grown_store(folder, size, url=""):
    """Open the store of `size` contacts in a folder or at a URL; fill it where it is empty."""
    settings = load({"CONTACTS_DATABASE_URL": url} if url else {}, data=folder)
    folder.mkdir(parents=True, exist_ok=True)
    prepare_store(settings)
    db = open_store(settings)
    if not db.connection().execute("SELECT 1 FROM contacts LIMIT 1"):
        grow(db, size)
    make_segments(db, size)
    return db


def make_segments(db, size):
    with db.transaction() as tx:
        for name, filter in SEGMENTS.items():
            if not segment_store.find_segment(tx, name):
                given = {"notify": False, "now": clock.timestamp()}
                segment_store.insert_segment(tx, name, json.dumps(filter), **given)
                segment_store.change_version(tx)
        progress(f"{size:,} contacts: building segments")
        build.build_at_once(tx)


def parameters(db, random, last_names, size, schema):
    name = random.choice(last_names).lower()
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


def cost(db, schema, text, clock):
    """Return the milliseconds of one search, by a clock."""
    data = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        value = value.replace("+", " ")
        if name == "tag":
            data.setdefault(name, []).append(value)
        else:
            data[name] = value
    search, _ = schema.load(data)
    started = clock()
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
    return (clock() - started) * 1000


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:60}\r")


def measure(stores, clock, wanted=""):
    """Return the median cost of each query in each store, by name; the stores take turns.

    `clock` returns seconds.
    """
    schema, source = ListQuerySchema(), random.Random(1)
    last_names = [each for each in names(source)[1] if len(each) >= 6]
    found = {}
    for name, template in QUERIES.items():
        if wanted and wanted not in name:
            continue
        progress(name)
        costs = [[] for _ in stores]
        for _ in range(RUNS):
            for cost_of_store, (size, db) in zip(costs, stores.items(), strict=True):
                text = template.format(**parameters(db, source, last_names, size, schema))
                cost(db, schema, text, clock)  # Warm: the first read of a page comes from the disk.
                cost_of_store.append(cost(db, schema, text, clock))
        found[name] = [statistics.median(each) for each in costs]
    progress("")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--data", type=Path, help="keep the stores here")
    parser.add_argument("--query", default="", help="only queries whose name has this in it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        stores = {}
        for size in options.sizes:
            stores[size] = grown_store((options.data or Path(folder)) / str(size), size)
            opened.callback(stores[size].close)
        results = measure(stores, time.thread_time, options.query)
    report(options.sizes, results, "CPU ms")


def report(sizes, results, unit):
    print(f"{f'{unit}, median of {RUNS}':26}{''.join(f'{n:>12,}' for n in sizes)}   growth")
    for name, costs in results.items():
        each = "".join(f"{ms:12.3f}" for ms in costs)
        print(f"{name:26}{each}{costs[-1] / costs[0]:9.1f}")


if __name__ == "__main__":
    main()
