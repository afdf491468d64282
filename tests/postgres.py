"""A temporary PostgreSQL server for the tests, and databases copied from a template."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType

import psycopg

# Without fsync a killed server loses nothing as long as the machine runs.
OPTIONS = (
    *("fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=300"),
    *("shared_buffers=64MB", "listen_addresses=", "max_prepared_transactions=0"),
    *("deadlock_timeout=100ms", "log_min_messages=fatal", "max_wal_size=64MB"),
    *("min_wal_size=32MB", "wal_level=minimal", "max_wal_senders=0"),
)


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL that is installed, None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve())
    return found[-1].parent if found else None


def _version(path: Path) -> int:
    name = path.parent.parent.name
    return int(name) if name.isdigit() else 0


def user_of_servers() -> dict[str, object]:
    """Return the arguments of `Popen` that run a server: never as root."""
    if os.getuid():
        return {}
    import pwd

    names = [each.pw_name for each in pwd.getpwall()]
    who = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


@dataclass
class PostgresServer:
    """A server on a Unix socket in a temporary folder."""

    folder: Path
    bin: Path
    options: tuple[str, ...] = OPTIONS
    port: int = 5432
    process: "subprocess.Popen[bytes] | None" = None
    numbers: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        command = [str(self.bin / "postgres"), "-D", str(self.folder / "data")]
        for each in (*self.options, f"port={self.port}", f"unix_socket_directories={self.folder}"):
            command += ["-c", each]
        if shutil.which("setpriv"):  # So that it ends with a test run that is killed.
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **user_of_servers(),
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                log_text = (self.folder / "log").read_text()[-2_000:]
                assert self.process.poll() is None, log_text
                assert time.monotonic() < deadline, log_text
                time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server and its children."""
        assert self.process
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait(30)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def run(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as driver:
            cursor = driver.execute(sql)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def create(self, template: str = "template0") -> str:
        """Return the URL of a new database."""
        name = f"d{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")


Driver = psycopg.Connection[tuple[object, ...]]


class Template:
    """Databases with the content of a prepared one.

    They are reused: resetting one takes a tenth of the time of a new database.
    """

    def __init__(self, server: PostgresServer, url: str) -> None:
        self._server, self._name = server, _name(url)
        with psycopg.connect(url, autocommit=True) as driver:
            self._schema = driver.execute(_SCHEMA).fetchone()
            tables = [name for (name,) in driver.execute(_TABLES)]
            rows = {name: _copied(driver, name) for name in tables}
            self._rows = {name: text for name, text in rows.items() if text}
            self._sequences = driver.execute(_SEQUENCES).fetchall()
        self._empty = "; ".join(f"DELETE FROM {name}" for name in tables)
        self._spare: list[Driver] = []
        self._taken: dict[str, tuple[Driver, object]] = {}

    def take(self) -> str:
        """Return the URL of a database that no other test uses."""
        while True:
            if self._spare:
                driver = self._spare.pop()
            else:
                driver = psycopg.connect(self._server.create(self._name), autocommit=True)
            url = self._server.url(driver.info.dbname)
            try:
                self._taken[url] = driver, driver.execute(_WRITES).fetchone()
            except psycopg.OperationalError:  # A test has ended all connections of the server.
                driver.close()
                self._server.drop(url)
            else:
                return url

    def give_back(self, url: str) -> None:
        driver, writes = self._taken.pop(url)
        try:
            driver.execute(_DISCONNECT_OTHERS)
            is_changed = driver.execute(_SCHEMA).fetchone() != self._schema
            if not is_changed and driver.execute(_WRITES).fetchone() != writes:
                self._reset(driver)
        except psycopg.OperationalError:  # The test has ended all connections.
            is_changed = True
        if is_changed:
            driver.close()
            self._server.drop(url)
        else:
            self._spare.append(driver)

    def close(self) -> None:
        for driver in self._spare:
            driver.close()

    def _reset(self, driver: Driver) -> None:
        with driver.transaction():
            driver.execute("SET LOCAL session_replication_role = replica")  # Without triggers.
            large = [str(name) for (name,) in driver.execute(_LARGE)]
            if large:
                driver.execute(f"TRUNCATE {', '.join(large)} CASCADE")
            driver.execute(self._empty)
            for name, text in self._rows.items():
                with driver.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                    copy.write(text)
            for name, last, is_called in self._sequences:
                driver.execute("SELECT setval(%s, %s, %s)", [name, last, is_called])


# The number of the next transaction that writes: without one, nothing has changed.
_WRITES = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
_SCHEMA = """
    SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute),
        (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O')
"""
_TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_LARGE = """
    SELECT quote_ident(relname)
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        AND pg_relation_size(oid) > 262144
"""
_SEQUENCES = """
    SELECT quote_ident(sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
    FROM pg_sequences
    WHERE schemaname = 'public'
"""
_DISCONNECT_OTHERS = """
    SELECT pg_terminate_backend(pid, 10000)
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid()
"""


def _copied(driver: Driver, table: str) -> bytes:
    with driver.cursor().copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(bytes(part) for part in copy)


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


@contextmanager
def running_server(
    options: tuple[str, ...] = OPTIONS,
    files: Mapping[str, bytes] = MappingProxyType({}),
    port: int = 5432,
) -> Iterator[PostgresServer]:
    """Run a server of its own, with `files` in its data folder."""
    bin = programs()
    assert bin, "PostgreSQL is not installed"
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        who = user_of_servers()
        if who:
            os.chown(folder, int(str(who["user"])), int(str(who["group"])))
        subprocess.run(
            [
                *(str(bin / "initdb"), "-D", str(folder / "data"), "-U", "postgres"),
                *("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **who,  # type: ignore[call-overload]
        )
        for name, content in files.items():
            path = folder / "data" / name
            path.write_bytes(content)
            path.chmod(0o600)
            if who:
                os.chown(path, int(str(who["user"])), int(str(who["group"])))
        server = PostgresServer(folder, bin, options, port)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with running_server() as shown:
        sys.stdout.write(f"{shown.create()}\n")
        sys.stdout.flush()
        sys.stdin.read()
