"""What segments cost: a create with ten of them, and writers while one is made over many contacts.

`python bench/segments.py --contacts 1000000 --data FOLDER` keeps the stores for the next run;
`bench/growth.py` uses the same ones. With `--postgres URL` it measures an empty database there.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from app import clock, segments
from app.contacts.handlers import delete_contact, upsert_contact
from app.contacts.model import Draft
from app.database import Connection, Database, open_store, prepare_store
from app.segments import build, handlers, store
from app.segments.batch import Batch
from app.settings import load
from bench import growth

CREATES = 300
ROUNDS = 7
PHASE_SECONDS = 3.0
WRITER_PAUSE = 0.01
PHONE = "918856879188"  # Of the contact that the writer changes; no other has so many digits.
EVERY = 7  # The segment that is made has every contact whose score is below 1 / EVERY.


def filters() -> list[object]:
    """Ten filters as shops have them; a contact with the plan "team" is in one of them."""
    found: list[object] = [{"field": "tag", "op": "eq", "value": f"Segment {n}"} for n in range(4)]
    found += [
        {"field": "custom_fields.orders", "op": "gte", "value": 10 * n + 5} for n in range(1, 4)
    ]
    found.append({"field": "custom_fields.plan", "op": "in", "value": ["team", "company"]})
    found.append({"all": [{"field": "tag", "op": "eq", "value": "VIP"}, {"not": found[0]}]})
    found.append({"field": "email", "op": "exists", "value": False})
    return found


def create(db: Database, number: int, plan: str) -> float:
    """Return the processor time of this thread for a create, in microseconds."""
    draft = Draft(
        f"9188{number:08}",
        first_name="Priya",
        last_name="Sharma",
        email=f"priya{number}@example.com",
        tags=("Lead", "India"),
        custom_fields={"plan": plan, "orders": 3},
    )
    started = time.thread_time()
    upsert_contact(db, draft)
    return (time.thread_time() - started) * 1e6


def creates(folder: Path) -> None:
    """Compare creates with and without segments: one in each store in turn."""
    stores = []
    for name in ("none", "ten"):
        settings = load({}, data=folder / name)
        settings.data.mkdir()
        prepare_store(settings)
        stores.append(open_store(settings))
    for index, each in enumerate(filters()):
        handlers.set_segment(stores[1], f"s{index}", json.dumps(each))
    number = 0
    for plan, what in (("pro", "in none of them"), ("team", "in one of them")):
        rounds = []
        for _ in range(ROUNDS):
            costs: list[list[float]] = [[], []]
            for _ in range(CREATES):
                for which in (0, 1) if number % 2 else (1, 0):
                    costs[which].append(create(stores[which], number, plan))
                number += 1
            rounds.append([statistics.median(each) for each in costs])
        ratios = sorted((ten / none - 1) * 100 for none, ten in rounds)
        none, ten = map(statistics.median, zip(*rounds, strict=True))
        print(
            f"create with ten segments, {what}: {statistics.median(ratios):+.1f} % of processor "
            f"time ({ROUNDS} rounds: {ratios[0]:+.1f} to {ratios[-1]:+.1f}); {none:.0f} µs "
            f"without, {ten:.0f} with"
        )
    for db in stores:
        db.close()


class Writer(threading.Thread):
    """Changes one contact again and again, and keeps how long each write took, by phase."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self.waits: dict[str, list[float]] = {"beside the build": [], "alone": []}
        self.phase = "alone"
        self.done = threading.Event()
        self._db = db

    def run(self) -> None:
        number = 0
        while not self.done.is_set():
            phase, started = self.phase, time.monotonic()
            upsert_contact(self._db, Draft(PHONE, f"Priya {number}", tags=("VIP",)))
            self.waits[phase].append(time.monotonic() - started)
            number += 1
            time.sleep(WRITER_PAUSE)
        delete_contact(self._db, PHONE)
        self._db.close()


def held(into: list[float]) -> None:
    """Keep for how much processor time each batch holds the lock, without its commit."""
    real = build.store_batch

    def store_batch(tx: Connection, batch: Batch) -> None:
        started = time.thread_time()
        real(tx, batch)
        into.append(time.thread_time() - started)

    build.store_batch = store_batch


def make(db: Database, contacts: int) -> None:
    """Make a segment over many contacts while a thread writes; stop in turns, for the noise."""
    writer = Writer(db)
    writer.start()
    took = 0.0
    locked: list[float] = []
    held(locked)
    filter = {"field": "custom_fields.score", "op": "lt", "value": 1 / EVERY}
    with db.transaction() as tx:
        store.insert_segment(tx, "made", json.dumps(filter), notify=False, now=clock.timestamp())
        store.change_version(tx)
    while store.list_unfinished(db.connection()):
        writer.phase = "beside the build"
        started = time.monotonic()
        build.run_unfinished(db, started + PHASE_SECONDS)
        took += time.monotonic() - started
        writer.phase = "alone"
        time.sleep(PHASE_SECONDS)
        found = handlers.get_segment(db.connection(), "made")
        growth.progress(f"{found.view(contacts)['progress']:.0%} built")
    growth.progress("")
    writer.done.set()
    writer.join()
    segment = handlers.get_segment(db.connection(), "made")
    print(
        f"a segment over {contacts:,} contacts: built in {took:.0f} s, {segment.contacts:,} in it"
    )
    print(f"  processor time with the lock: {spread(locked)} ({len(locked):,} batches)")
    for phase, waits in writer.waits.items():
        print(f"  a write {phase}: {spread(waits)} ({len(waits):,} writes)")


def spread(seconds: list[float]) -> str:
    found = sorted(each * 1e3 for each in seconds)
    median, p99 = (found[int(len(found) * part)] for part in (0.5, 0.99))
    return f"median {median:.1f} ms, p99 {p99:.0f} ms, longest {found[-1]:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--data", type=Path, help="keep the stores here")
    parser.add_argument("--postgres", help="URL of an empty database to measure beside SQLite")
    parser.add_argument("--only", choices=("creates", "build"))
    given = parser.parse_args()
    segments.follow()
    with tempfile.TemporaryDirectory() as folder:
        if given.only != "build":
            creates(Path(folder))
        if given.only == "creates":
            return
        data = (given.data or Path(folder)) / str(given.contacts)
        for url in ("", given.postgres) if given.postgres else ("",):
            with closing(growth.grown_store(data, given.contacts, url)) as db:
                print(db.engine)
                make(db, given.contacts)
                handlers.delete_segment(db, "made")


if __name__ == "__main__":
    main()
