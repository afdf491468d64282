"""Every SQL text that features have as a constant is prepared by PostgreSQL without error."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg

from app.database.interface import Row
from app.database.postgres.dialect import postgres_sql
from app.database.postgres.store import Database
from tests.conftest import ROOT
from tests.test_architecture import FEATURES

STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s")
HEAD = re.compile(r"INSERT INTO \w+ \(([^()]*)\)")
TYPES = {
    "now": "::double precision",
    "limit": "::bigint",
    "offset": "::bigint",
}  # Which the driver sends with the value.
PARAMETER = re.compile(r"%\((\w+)\)s|%s")
# The modules in SQLITE run on SQLite only.
FOLDERS = [*(name.replace(".", "/") for name in FEATURES), "app/web", "app/maintenance"]
SQLITE = {f"app/maintenance/{name}.py" for name in ("backup", "restore", "replace", "rotation")}
SQLITE |= {f"app/maintenance/{name}.py" for name in ("copy_store", "doctor", "index_rebuild")}


def texts() -> Iterator[tuple[str, str]]:
    """Yield each constant statement with where it is; parts of others are in f-strings."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name not in SQLITE:
                for line, text in _constants(path):
                    yield f"{name}:{line}", text


def _constants(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text())
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            text = node.value
            if STATEMENT.match(text) and not text.endswith("WHERE "):
                yield node.lineno, text


def whole(text: str) -> str:
    """Complete what is only the beginning or a part of a statement."""
    if head := HEAD.fullmatch(text.strip()):
        nulls = ", ".join("NULL" for _ in head[1].split(","))
        return f"{text} VALUES ({nulls})"
    return f"WITH listed (tag_id, total) AS (SELECT 1, 1) {text}" if "FROM listed" in text else text


def fault(driver: "psycopg.Connection[Row]", text: str) -> str | None:
    """Return why a text cannot be prepared, None if it can: with or without types of parameters."""
    found = None
    for types in ({}, TYPES):
        names: dict[str, int] = {}

        def number(
            parameter: re.Match[str],
            names: dict[str, int] = names,
            types: dict[str, str] = types,
        ) -> str:
            name = parameter[1] or str(len(names))
            return f"${names.setdefault(name, len(names) + 1)}{types.get(name, '')}"

        sql = PARAMETER.sub(number, postgres_sql(whole(text))).replace("%%", "%")
        try:
            driver.execute(f"PREPARE text AS {sql}".encode())
            driver.execute("DEALLOCATE text")
            return None
        except psycopg.Error as error:
            found = str(error)
    return found


def test_prepares_every_constant_statement(db: Database) -> None:
    db.connection()
    found = list(texts())
    assert len(found) > 100
    with psycopg.connect(db._url, autocommit=True) as driver:
        faults = [f"{where}: {why}" for where, text in found if (why := fault(driver, text))]
        assert not faults, "\n".join(faults)
        assert fault(driver, "SELECT iif(1, 2, 3)")
