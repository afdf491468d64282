"""The report of an import: counts by outcome and country, and the reasons of rejected rows."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_ERRORS = 100
MAX_REASON = 500


@dataclass
class Report:
    """`rows` is the sum of the four counts after it; all rows up to `last_line` are done.

    `repeated` counts rows whose phone an earlier row has too; the last row wins. `numbers` counts
    the rows that are not rejected by the country of their phone (ISO 3166). `columns` has the field
    of each column. `errors` and `warnings` have the first `MAX_ERRORS`.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    repeated: int = 0
    dry_run: bool = False
    last_line: int = 0
    format: str = "csv"
    encoding: str | None = None
    profile: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    numbers: Counter[str] = field(default_factory=Counter)
    errors: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    def count(self, status: str) -> None:
        self.rows += 1
        setattr(self, status, getattr(self, status) + 1)

    def warn(self, line: int, column: str | None, reason: str) -> None:
        if len(self.warnings) < MAX_ERRORS:
            self.warnings.append(entry(line, column, reason))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"numbers": dict(self.numbers.most_common())}


def entry(line: int, column: str | None, reason: str) -> dict[str, Any]:
    """Return an error or a warning of the report; a reason over `MAX_REASON` is shortened."""
    shortened = reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]}…"
    return {"line": line, "column": column, "reason": shortened}
