"""Stores that tests of backups need: older, newer, damaged, and another program's."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from app.database.sqlite import migrate as module
from app.database.sqlite.migrate import add_functions, migrations


def nothing(what: str, part: float | None) -> None:
    """Show no progress."""


def older_store(path: Path, version: int) -> Path:
    """Make a store as an older version left it, with two contacts, one tagged, and a key."""
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        add_functions(driver)
        driver.execute("PRAGMA journal_mode = WAL")
        for number in range(1, version + 1):
            module._apply_one(driver, number, migrations()[number])
        for phone, tags in (("918856879188", ["Lead"]), ("918856879189", [])):
            view = {"id": f"cnt_{phone}", "phone": phone, "tags": tags, "created_at": "2026"}
            view |= {"first_name": "Priya", "last_name": None, "email": None}
            driver.execute(
                "INSERT INTO contacts (phone, document, custom_fields, created_at, updated_at) "
                "VALUES (?, ?, '{}', '2026', '2026')",
                (phone, json.dumps(view)),
            )
        if version >= 3:
            driver.execute("UPDATE contacts SET first_name_key = 'priya', words = ' priya'")
            driver.execute("INSERT INTO contact_words SELECT 'priya', id FROM contacts")
        driver.execute("INSERT INTO tags (name) VALUES ('Lead')")
        driver.execute("INSERT INTO contact_tags (tag_id, contact_id) VALUES (1, 1)")
        driver.execute(
            "INSERT INTO api_keys (id, digest, label, scopes, created_at) "
            "VALUES ('key_1', x'00', 'old', 'admin', '2026')"
        )
    return path


def change(path: Path, *statements: str) -> Path:
    """Execute statements on a store without the service."""
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        for statement in statements:
            driver.execute(statement)
    return path


def damage(path: Path) -> None:
    """Overwrite pages in the middle of a store that nobody has open."""
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096 * 20)


def other_program(path: Path) -> Path:
    return change(path, "CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('a')")
