"""What became of a file: numbers that add up, and the reasons for what was refused."""

from dataclasses import asdict, dataclass, field
from typing import Any

MAX_ERRORS = 100
MAX_REASON = 500


@dataclass
class Report:
    """`rows` is the sum of the four after it; all up to `last_line` are done.

    `repeated` are rows whose phone stood in an earlier row too: the later one wins. `errors` and
    `warnings` hold the first `MAX_ERRORS`.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    repeated: int = 0
    dry_run: bool = False
    last_line: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    def count(self, status: str) -> None:
        self.rows += 1
        setattr(self, status, getattr(self, status) + 1)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def entry(line: int, column: str | None, reason: str) -> dict[str, Any]:
    cut = reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]}…"
    return {"line": line, "column": column and _printable(column), "reason": _printable(cut)}


def _printable(text: str) -> str:
    """Return text without lone surrogates, which no output takes."""
    return text.encode(errors="backslashreplace").decode()
