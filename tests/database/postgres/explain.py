"""Query plans as servers make them: of prepared statements, without their values."""

import re
from typing import Any

import psycopg

from app.database.interface import Parameters


def plan_of(
    driver: "psycopg.Connection[Any]", sql: str, parameters: Parameters | None, options: str
) -> dict[str, Any]:
    """Return the plan of a statement that has the driver's placeholders."""
    names: list[Any] = []

    def numbered(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found[1] or len(names)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    prepared = re.sub(r"%%|%s|%\((\w+)\)s", numbered, sql)
    driver.execute(f"PREPARE explained AS {prepared}".encode())
    values = [(parameters or {})[name] for name in names]
    given = f"({', '.join(['%s'] * len(values))})" if values else ""
    explain = f"EXPLAIN ({options}, FORMAT JSON) EXECUTE explained {given}"
    [(plan,)] = psycopg.ClientCursor(driver).execute(explain.encode(), values).fetchall()
    driver.execute("DEALLOCATE explained")
    found: dict[str, Any] = plan[0]["Plan"]
    return found
