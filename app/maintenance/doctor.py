"""Examines a store: damage, schema, counts, index rows, clock, and the SQLite that reads it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from app import clock
from app.database.interface import Connection, FieldValues
from app.database.sqlite.connection import Connection as SQLiteConnection
from app.database.sqlite.files import Driver, Progress, attend, opened, pragma
from app.database.sqlite.kinds import KINDS
from app.database.sqlite.locks import InUseLock
from app.database.sqlite.migrate import (
    OLDEST_SQLITE,
    SQLITE_VERSION_INFO,
    migrations,
    program_of,
)
from app.errors import Damaged, StartError, Unavailable
from app.maintenance.index_checks import (
    Reader,
    unreadable_contacts,
    wrong_counts,
    wrong_index_rows,
)
from app.maintenance.index_rebuild import rebuild, transaction
from app.maintenance.segment_checks import connection_of, wrong_segments
from app.maintenance.stored_values import Transaction, clean_contacts, wrong_values
from app.plurals import plural

SECONDS_AHEAD = 300  # The clocks of two machines may differ by this much.
OLDEST_CLOCK = "2026-01-01"

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """The result of a check, in one line; `advice` says what to do if it is not ok."""

    check: str
    state: State
    text: str
    advice: str = ""


Check = Callable[[Driver], Finding]

_RESTORE = "stop the server, keep the folder, and restore a backup: contacts restore FILE"
_FIX = "contacts doctor --fix"
REBUILT = Finding("fix", "ok", "rebuilt the index rows and counts from the contacts")


def examine(store: Path, *, fix: bool, progress: Progress) -> Iterator[Finding]:
    """Check an existing store; `fix` rebuilds wrong index rows and counts, and cleans values.

    With `fix` the caller holds `exclusive(store)`.
    """
    try:
        with _opened(store, is_alone=fix) as driver:
            for check in (check_schema, check_integrity, check_contacts):
                if (yield from _run(driver, (check,), progress)):
                    return
            if pragma(driver, "user_version") < max(migrations()):
                return
            problems = yield from _run(driver, _DERIVED, progress)
            if fix and problems:
                yield from _repair(driver, store, problems, progress)
                yield from _run(driver, _DERIVED, progress)
            yield from _run(driver, (check_clock,), progress)
    except Damaged as error:
        yield Finding("store", "problem", str(error), _RESTORE)
    except StartError as error:
        yield Finding("store", "problem", str(error), "see permissions and free space")
    except OSError as error:
        text = f"cannot open it: {error.strerror}"
        yield Finding("store", "problem", text, "see permissions")
    except Unavailable as error:
        yield Finding("store", "problem", error.message, "wait until it has finished")


def _repair(
    driver: Driver, store: Path, problems: list[str], progress: Progress
) -> Iterator[Finding]:
    if problems != ["values"]:
        rebuild(driver, store, progress)
        yield REBUILT
    if "values" in problems:
        progress("cleaning values", None)
        with closing(SQLiteConnection(store, is_alone=True)) as db:
            yield clean_values(partial(transaction, db))


@contextmanager
def _opened(store: Path, *, is_alone: bool) -> Iterator[Driver]:
    in_use = nullcontext() if is_alone else closing(InUseLock(store))
    with in_use, opened(store, "rw") as driver:
        driver.execute("PRAGMA cache_size = -64000").fetchall()
        yield driver


def _run(
    driver: Driver, checks: tuple[Check, ...], progress: Progress
) -> Generator[Finding, None, list[str]]:
    """Yield what checks find on one snapshot of the store; return the names of the problems."""
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
        return Finding("schema", "problem", text, f"install {program_of(driver)}")
    if version < known:
        text = f"version {version} of {known}: counts and index rows are not checked"
        return Finding("schema", "warning", text, "contacts serve migrates it")
    [(mode,)] = driver.execute("PRAGMA journal_mode").fetchall()
    if mode != "wal":
        text = f"version {version}, but no write-ahead log"
        return Finding("schema", "warning", text, "contacts serve turns it on")
    return Finding("schema", "ok", f"version {version}")


def check_integrity(driver: Driver) -> Finding:
    faults = [text for (text,) in driver.execute("PRAGMA integrity_check(10)") if text != "ok"]
    if faults:
        # The first line is SQLite's heading.
        first = " ".join(faults[0].split())
        return Finding("integrity", "problem", f"damaged: {first}", _RESTORE)
    return Finding("integrity", "ok", "every page and index is intact")


def check_contacts(reader: Reader, restore: str = _RESTORE) -> Finding:
    """Look for bytes that changed inside a page: SQLite keeps no checksums of its pages.

    `restore` is the advice for such a store.
    """
    if unreadable := unreadable_contacts(reader):
        text = f"damaged: {plural(unreadable, 'contact')} cannot be read"
        return Finding("contacts", "problem", text, restore)
    return Finding("contacts", "ok", "every contact can be read")


def check_counters(reader: Reader) -> Finding:
    if faults := wrong_counts(reader):
        return Finding("counters", "problem", f"wrong: {', '.join(faults)}", _FIX)
    [(contacts,)] = reader.execute("SELECT value FROM counters WHERE name = 'contacts'")
    return Finding("counters", "ok", f"correct, {plural(contacts, 'contact')}")


def check_search(reader: Reader, field_values: FieldValues | None = None) -> Finding:
    """Compare the index rows with the contacts; `field_values` are the forms of the engine."""
    if faults := wrong_index_rows(reader, field_values):
        text = f"index rows differ from the contacts: {', '.join(faults)}"
        return Finding("search", "problem", text, _FIX)
    return Finding("search", "ok", "index rows match the contacts")


def check_clock(driver: Driver) -> Finding:
    """Compare the clock with the newest instants in the store."""
    now = clock.now()
    if clock.timestamp(now) < OLDEST_CLOCK:
        return Finding("clock", "problem", f"it is {now:%Y-%m-%d}", "set it: use NTP")
    latest = driver.execute(
        """
        SELECT max(
            coalesce((SELECT max(updated_at) FROM contacts), ''),
            coalesce((SELECT timestamp FROM changes ORDER BY seq DESC LIMIT 1), '')
        )
        """
    ).fetchall()[0][0]
    if latest and (datetime.fromisoformat(latest) - now).total_seconds() > SECONDS_AHEAD:
        newest = clock.whole_second(latest)
        text = f"it is {clock.timestamp(now)}, the newest entry in the store is from {newest}"
        return Finding("clock", "problem", text, "one of the two is wrong: use NTP")
    return Finding("clock", "ok", clock.timestamp(now))


def check_segments(driver: Driver) -> Finding:
    return check_segments_of(connection_of(driver))


def check_segments_of(db: Connection) -> Finding:
    if faults := wrong_segments(db):
        return Finding("segments", "problem", f"wrong: {', '.join(faults)}", _FIX)
    return Finding("segments", "ok", "segments hold who matches them")


def check_values(reader: Reader) -> Finding:
    if faults := wrong_values(reader):
        text = f"invisible characters or blank values in {', '.join(faults)}"
        return Finding("values", "problem", text, _FIX)
    return Finding("values", "ok", "no invisible characters and no blank values")


def clean_values(transaction: Transaction) -> Finding:
    """Clean the values of contacts, after their index rows are right."""
    done, failed = clean_contacts(transaction)
    text = f"cleaned the values of {plural(done, 'contact')}"
    if failed:
        text += f"; {failed:,} have values that do not fit the type of a pinned custom field"
        return Finding("fix", "warning", text, "unpin the field, and run it again")
    return Finding("fix", "ok", text)


_DERIVED = (check_counters, check_search, check_segments, check_values)


def check_sqlite(version: tuple[int, ...] = SQLITE_VERSION_INFO) -> Finding:
    found = ".".join(map(str, version))
    if version < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        return Finding("SQLite", "problem", f"{found} is too old", f"{oldest} or newer is needed")
    if has_log_bug(version):
        text = (
            f"{found} may damage a store in which one program writes while another folds the log "
            "(fixed in 3.51.3); the service's own writers take turns"
        )
        advice = "write to the store with this service only, or use a newer SQLite"
        return Finding("SQLite", "warning", text, advice)
    return Finding("SQLite", "ok", found)


def has_log_bug(version: tuple[int, ...]) -> bool:
    """Return whether a version has the bug of https://www.sqlite.org/wal.html#walresetbug.

    A distributor may have fixed it without changing the version.
    """
    fixed = version >= (3, 51, 3)
    return not (fixed or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45))
