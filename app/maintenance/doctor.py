"""Examines a store: damage, schema, counts, clock, and the SQLite that reads it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from app import clock
from app.database.files import Driver, Progress, attend, opened, pragma
from app.database.kinds import KINDS
from app.database.locks import InUseLock, WriteQueue
from app.database.migrate import OLDEST_SQLITE, SQLITE_VERSION_INFO, add_functions, migrations
from app.errors import Damaged, StartError, Unavailable
from app.maintenance.repair import (
    COUNT_REPAIRS,
    REPAIRS,
    counter_faults,
    document_faults,
    link_faults,
)

SECONDS_AHEAD = 300  # What clocks of two machines, a backup's and this one's, may differ.
OLDEST_CLOCK = "2026-01-01"

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """What a check found, in one line; `advice` says what to do where that is not ok."""

    check: str
    state: State
    text: str
    advice: str = ""


Check = Callable[[Driver], Finding]

_RESTORE = "stop the server, keep the folder, and restore a backup: contacts restore FILE"
_FIX = "contacts doctor --fix"


def examine(store: Path, *, fix: bool, progress: Progress) -> Iterator[Finding]:
    """Check a store that is there, and all that is counted in it; `fix` repairs what is counted."""
    try:
        with _opened(store) as driver:
            for check in (check_schema, check_integrity, check_contacts):
                if (yield from _run(driver, (check,), progress)):
                    return
            if pragma(driver, "user_version") < max(migrations()):
                return
            problems = yield from _run(driver, _COUNTED, progress)
            if fix and problems:
                repairs = REPAIRS if "search" in problems else COUNT_REPAIRS
                yield _fixed(driver, store, repairs, progress)
                yield from _run(driver, _COUNTED, progress)
            yield from _run(driver, (check_clock,), progress)
    except Damaged as error:
        yield Finding("store", "problem", str(error), _RESTORE)
    except StartError as error:
        yield Finding("store", "problem", str(error), "see permissions and free space")
    except OSError as error:
        text = f"cannot open it: {error.strerror}"
        yield Finding("store", "problem", text, "see permissions")
    except Unavailable as error:
        yield Finding("store", "problem", error.message, "wait until that has ended")


@contextmanager
def _opened(store: Path) -> Iterator[Driver]:
    with closing(InUseLock(store)), opened(store, "rw") as driver:
        driver.execute("PRAGMA synchronous = FULL").fetchall()
        driver.execute("PRAGMA secure_delete = ON").fetchall()
        driver.execute("PRAGMA cache_size = -64000").fetchall()
        add_functions(driver)
        yield driver


def _run(
    driver: Driver, checks: tuple[Check, ...], progress: Progress
) -> Generator[Finding, None, list[str]]:
    """Give what checks find on one state of the store; returns which of them are problems."""
    problems = []
    driver.execute("BEGIN").fetchall()
    try:
        for check in checks:
            attend(driver, f"checking {check.__name__.removeprefix('check_')}", progress)
            finding = check(driver)
            if finding.state == "problem":
                problems.append(finding.check)
            yield finding
    finally:
        if driver.in_transaction:
            driver.execute("ROLLBACK").fetchall()
    return problems


def check_schema(driver: Driver) -> Finding:
    if pragma(driver, "application_id") not in KINDS:
        return Finding(
            "schema", "problem", "the database of another program", "choose another --data"
        )
    version, known = pragma(driver, "user_version"), max(migrations())
    if version > known:
        text = f"version {version}, this program knows {known}"
        return Finding("schema", "problem", text, "install a newer contacts-service")
    if version < known:
        text = f"version {version} of {known}: counts are not checked"
        return Finding("schema", "warning", text, "contacts serve brings it up to date")
    [(mode,)] = driver.execute("PRAGMA journal_mode").fetchall()
    if mode != "wal":
        text = f"version {version}, but no write-ahead log"
        return Finding("schema", "warning", text, "contacts serve puts that right")
    return Finding("schema", "ok", f"version {version}")


def check_integrity(driver: Driver) -> Finding:
    faults = [text for (text,) in driver.execute("PRAGMA integrity_check(10)") if text != "ok"]
    if faults:
        # The first line is SQLite's heading.
        first = " ".join(faults[0].split())
        return Finding("integrity", "problem", f"damaged: {first}", _RESTORE)
    return Finding("integrity", "ok", "every page and index is whole")


def check_contacts(driver: Driver) -> Finding:
    """Look for bytes that changed inside a page, of which SQLite keeps no sum."""
    faults = document_faults(driver)
    if faults:
        return Finding("contacts", "problem", f"damaged: {', '.join(faults)}", _RESTORE)
    return Finding("contacts", "ok", "every one can be read")


def check_counters(driver: Driver) -> Finding:
    faults = counter_faults(driver)
    if faults:
        return Finding("counters", "problem", f"wrong: {', '.join(faults)}", _FIX)
    [(contacts,)] = driver.execute("SELECT value FROM counters WHERE name = 'contacts'").fetchall()
    return Finding("counters", "ok", f"as counted, {contacts:,} contacts")


def check_links(driver: Driver) -> Finding:
    faults = link_faults(driver)
    if faults:
        return Finding("search", "problem", f"not as the contacts: {', '.join(faults)}", _FIX)
    return Finding("search", "ok", "tags, custom fields and words find their contacts")


def check_clock(driver: Driver) -> Finding:
    """Compare the clock with the newest instants in the store."""
    now = clock.now()
    if clock.timestamp(now) < OLDEST_CLOCK:
        return Finding("clock", "problem", f"it says {now:%Y-%m-%d}", "set it: use NTP")
    latest = driver.execute(
        """
        SELECT max(
            coalesce((SELECT max(updated_at) FROM contacts), ''),
            coalesce((SELECT timestamp FROM changes ORDER BY seq DESC LIMIT 1), '')
        )
        """
    ).fetchall()[0][0]
    if latest and (datetime.fromisoformat(latest) - now).total_seconds() > SECONDS_AHEAD:
        text = f"it says {clock.timestamp(now)}, the store has something of {latest}"
        return Finding("clock", "problem", text, "one of them was wrong: use NTP")
    return Finding("clock", "ok", clock.timestamp(now))


_COUNTED = (check_counters, check_links)


def _fixed(driver: Driver, store: Path, repairs: tuple[str, ...], progress: Progress) -> Finding:
    """Make anew what is counted or made from the contacts, with turns for writers in between."""
    with closing(WriteQueue(store)) as queue:
        attend(driver, "repairing", progress)
        for statement in repairs:
            queue.enter()
            try:
                driver.execute(statement).fetchall()
            finally:
                queue.leave()
    return Finding("fix", "ok", "made anew what was wrong")


def check_sqlite(version: tuple[int, ...] = SQLITE_VERSION_INFO) -> Finding:
    told = ".".join(map(str, version))
    if version < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        return Finding("SQLite", "problem", f"{told} is too old", f"{oldest} or newer is needed")
    if has_log_bug(version):
        text = (
            f"{told} may damage a store in which one program writes while another folds the log "
            "(fixed in 3.51.3); the service's own writers take turns"
        )
        advice = "write to the store with this service only, or use a newer SQLite"
        return Finding("SQLite", "warning", text, advice)
    return Finding("SQLite", "ok", told)


def has_log_bug(version: tuple[int, ...]) -> bool:
    """Return whether a version has the bug of https://www.sqlite.org/wal.html#walresetbug.

    A distributor may have mended it without another number.
    """
    mended = version >= (3, 51, 3)
    return not (mended or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45))
