"""Opens a file of either format: its rows, the columns they come from, and how to reject them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.transfer.columns import choose
from app.transfer.csv_table import CsvTable, RejectedCsv
from app.transfer.json_lines import JsonLines, RejectedJson
from app.transfer.lines import Lines
from app.transfer.rows import Row

FORMATS = ("csv", "jsonl")
MEDIA_TYPES = {
    "text/csv": "csv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
}
ENDINGS = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
}


@dataclass(frozen=True)
class Source:
    """`columns` are those of the file with their field, `guessed` those that nobody named."""

    rows: Iterator[Row]
    columns: Mapping[str, str]
    guessed: Mapping[str, str]
    rejected: RejectedCsv | RejectedJson

    @property
    def names(self) -> dict[str, str]:
        """Return the column of each field."""
        return {field: name for name, field in self.columns.items() if field}


def open_source(
    chunks: Iterable[bytes], format: str, mapping: Mapping[str, str], *, guess: bool
) -> Source:
    """Raises `ValidationError` where the columns are not to be had or not to be understood."""
    lines = Lines(chunks)
    if format == "jsonl":
        return Source(JsonLines(lines).rows(mapping), mapping, {}, RejectedJson())
    table = CsvTable(lines)
    columns = choose(table.header, mapping, guess=guess)
    chosen = dict(zip(columns.names, columns.targets, strict=True))
    return Source(table.rows(columns), chosen, columns.guessed, RejectedCsv(table))
