"""Opens a CSV or JSON Lines file to read: its rows, their columns, a writer of rejected rows."""

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
class RowReader:
    """`columns` maps each column of the file to its field, `guessed` those that nobody named."""

    rows: Iterator[Row]
    columns: Mapping[str, str]
    guessed: Mapping[str, str]
    rejected: RejectedCsv | RejectedJson

    @property
    def names(self) -> dict[str, str]:
        """The column of each field."""
        return {field: name for name, field in self.columns.items() if field}


def open_reader(
    chunks: Iterable[bytes], format: str, mapping: Mapping[str, str], *, guess: bool
) -> RowReader:
    """Open a file whose `format` is one of `FORMATS`.

    `mapping` names the field of a column; with `guess` other columns get a likely field. Raises
    `InvalidInput` where the header cannot be read, or a column has no field.
    """
    lines = Lines(chunks)
    if format == "jsonl":
        return RowReader(JsonLines(lines).rows(mapping), mapping, {}, RejectedJson())
    table = CsvTable(lines)
    columns = choose(table.header, mapping, guess=guess)
    chosen = dict(zip(columns.names, columns.targets, strict=True))
    return RowReader(table.rows(columns), chosen, columns.guessed, RejectedCsv(table))
