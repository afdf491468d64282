"""What segments cost: a create with ten of them, and the making of one over many contacts.

`python bench/segments.py --contacts 1000000` makes a segment over a million.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from app import segments
from app.contacts.handlers import upsert_contact
from app.contacts.model import Contact, Draft
from app.contacts.store import insert_contacts
from app.database import Database, open_store, prepare_store
from app.segments import build, handlers
from app.settings import load

CREATES = 2_000
ROUNDS = 5


def filters() -> list[object]:
    """Ten filters as shops have them; a new contact is in one of them."""
    found: list[object] = [{"field": "tag", "op": "eq", "value": f"Segment {n}"} for n in range(4)]
    found += [
        {"field": "custom_fields.orders", "op": "gte", "value": 10 * n + 5} for n in range(1, 4)
    ]
    found.append({"field": "custom_fields.plan", "op": "in", "value": ["team", "company"]})
    found.append({"all": [{"field": "tag", "op": "eq", "value": "VIP"}, {"not": found[0]}]})
    found.append({"field": "email", "op": "exists", "value": False})
    return found


def create(db: Database, first: int) -> float:
    """Return the processor time of this thread for a create, in microseconds."""
    started = time.thread_time()
    for number in range(first, first + CREATES):
        upsert_contact(
            db,
            Draft(
                f"9188{number:08}",
                first_name="Priya",
                last_name="Sharma",
                email=f"priya{number}@example.com",
                tags=("Lead", "India"),
                custom_fields={"plan": "pro", "orders": 3},
            ),
        )
    return (time.thread_time() - started) / CREATES * 1e6


def creates(folder: Path) -> None:
    """Compare creates with and without segments, in turns."""
    stores = []
    for name in ("none", "ten"):
        settings = load({}, data=folder / name)
        settings.data.mkdir()
        prepare_store(settings)
        stores.append(open_store(settings))
    for index, each in enumerate(filters()):
        handlers.set_segment(stores[1], f"s{index}", json.dumps(each))
    costs: list[list[float]] = [[], []]
    for turn in range(ROUNDS):
        for cost, db in zip(costs, stores, strict=True):
            cost.append(create(db, turn * CREATES))
    none, ten = map(statistics.median, costs)
    print(f"create: {none:.0f} µs of processor time, with ten segments {ten:.0f} µs "
          f"({(ten / none - 1) * 100:+.0f} %)")  # fmt: skip
    for db in stores:
        db.close()


def make(folder: Path, contacts: int) -> None:
    """Make a segment over many contacts while another thread writes."""
    settings = load({}, data=folder / "many")
    settings.data.mkdir()
    prepare_store(settings)
    with closing(open_store(settings)) as db:
        for start in range(0, contacts, 10_000):
            with db.transaction() as tx:
                insert_contacts(
                    tx,
                    [
                        Contact(
                            f"9177{n:08}",
                            "2026-06-02T08:00:00Z",
                            "2026-06-02T08:00:00Z",
                            first_name="Priya",
                            tags=("VIP",) if n % 3 == 0 else ("Lead",),
                            custom_fields={"orders": n % 20},
                        )
                        for n in range(start, min(start + 10_000, contacts))
                    ],
                )
        waits: list[float] = []
        done = threading.Event()

        def write() -> None:
            number = 0
            while not done.is_set():
                started = time.monotonic()
                upsert_contact(db, Draft(f"9166{number:08}", tags=("VIP",)))
                waits.append(time.monotonic() - started)
                number += 1
                time.sleep(0.01)
            db.close()

        writer = threading.Thread(target=write)
        writer.start()
        started = time.monotonic()
        vip = {"field": "tag", "op": "eq", "value": "VIP"}
        segment, _ = handlers.set_segment(db, "VIP", json.dumps(vip))
        answered = time.monotonic() - started
        while segment.position is not None:
            build.work_off(db)
            segment = handlers.get_segment(db.connection(), "VIP")
        took = time.monotonic() - started
        done.set()
        writer.join()
        waits.sort()
        middle, longest = waits[len(waits) // 2] * 1e3, waits[-1] * 1e3
        print(
            f"a segment over {contacts:,} contacts: answered after {answered:.1f} s, built after "
            f"{took:.0f} s; {len(waits):,} writes meanwhile, median {middle:.0f} ms, "
            f"longest {longest:.0f} ms; {segment.contacts:,} in it"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    given = parser.parse_args()
    segments.follow()
    with tempfile.TemporaryDirectory() as folder:
        creates(Path(folder))
        make(Path(folder), given.contacts)


if __name__ == "__main__":
    main()
