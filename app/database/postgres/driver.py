"""The driver of PostgreSQL, psycopg: how connections are set up, and its errors as ours."""

import logging
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

from app.database.interface import Retry, Row
from app.errors import Busy, InsufficientStorage, ServiceError, StoreFault, Unavailable

CONNECT_SECONDS = 5
LOST_SECONDS = 10  # Without an acknowledgement of the machine, not of PostgreSQL.

# Every query is led by an index, for which the planner's estimates of a small table are no help.
SESSION = {
    "enable_seqscan": "off",
    # An order comes from an index; a sort of a few candidates is made all the same.
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    # Planning a page takes longer than reading it, and no value changes the plan.
    "plan_cache_mode": "force_generic_plan",
}

_CONFLICTS = {"23505", "40001", "40P01"}  # unique violation, serialization failure, deadlock
_DISK_FULL = "53100"
# Connection failures, shutdowns, no memory or too many connections, a standby, a time-out within a
# transaction.
_UNREACHABLE = ("08", "57P", "53200", "53300", "25006", "25P03", "28", "3D")
# A statement that waited for an upgrade of the schema, or was prepared before it: it is good again
# on a new connection.
_UPGRADED = ("42804", "0A000")  # datatype mismatch, cached plan must not change result type
_DENIED = "42501"  # insufficient privilege
_TOO_FEW_RIGHTS = (
    "The role of this server has too few rights in the database: nothing was stored. "
    "Run contacts doctor, which names them."
)

Driver = psycopg.Connection[Row]
DriverError = psycopg.Error

_log = logging.getLogger(__name__)


def connect(url: str) -> "psycopg.Connection[Row]":
    """Open a connection that commits each statement, set up for our queries."""
    driver = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="contacts",
        keepalives_idle=5,
        keepalives_interval=5,
        keepalives_count=3,
        # Else what was sent to a machine that is gone is sent again for a quarter of an hour.
        tcp_user_timeout=LOST_SECONDS * 1000,
        client_encoding="UTF8",
    )
    adapters = driver.adapters
    adapters.register_dumper(str, _Text)
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_loader("numeric", _Number)
    [backend] = driver.execute("SELECT pg_backend_pid()").fetchall()
    if backend[0] == driver.info.backend_pid:
        driver.execute("; ".join(f"SET {name} = {value}" for name, value in SESSION.items()))
    else:
        # A pooler lends a session for each transaction: it knows no statement prepared before.
        driver.prepare_threshold = None
    return driver


class _Text(StrDumper):
    """Sends text as text. A text with NUL is never stored: it must find nothing."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\x01\ufdd0") if "\0" in obj else obj)


class _Number(Loader):
    """Reads sums of whole numbers as such."""

    def load(self, data: Buffer) -> Any:
        text = bytes(data).decode()
        return float(text) if "." in text else int(text)


def is_lost(error: psycopg.Error) -> bool:
    """Return whether the connection can no longer be used."""
    state = error.sqlstate or ""
    without_state = isinstance(error, psycopg.OperationalError) and not state
    return without_state or state.startswith((*_UNREACHABLE, *_UPGRADED))


def translated(error: psycopg.Error) -> ServiceError:
    """Return our error (https://www.postgresql.org/docs/current/errcodes-appendix.html).

    Messages of the server are not passed on: they can quote data.
    """
    state = error.sqlstate or ""
    if state in _UPGRADED:
        _log.warning("The schema was changed below a statement: %s", type(error).__name__)
        return Retry("The store was just upgraded: send the request again.")
    if state == _DENIED:
        _log.warning("The role in the database has too few rights: %s", error.diag.message_primary)
        return Unavailable(_TOO_FEW_RIGHTS, retry_after=5)
    if is_lost(error):
        _log.warning("The store cannot be reached: %s %s", type(error).__name__, state)
        return Unavailable("The store cannot be reached: nothing was stored.", retry_after=5)
    if state in _CONFLICTS:
        return Retry("Other requests change the same data: send the request again.")
    if state in ("55P03", "57014"):  # lock not available, query canceled
        return Busy("The store is busy: send the request again in a second.")
    if state == _DISK_FULL:
        return InsufficientStorage("The disk is full: nothing was stored.")
    return StoreFault(f"PostgreSQL says: {type(error).__name__} {state}")
