"""Brings one file in: looks at all of it, then previews or stores it, for commands and routes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any

from app.contacts import bulk
from app.contacts.schemas import ContactSchema
from app.database import Database
from app.errors import InvalidInput
from app.search.operands import CUSTOM
from app.transfer.columns import GUESSED
from app.transfer.conversion import Converter
from app.transfer.findings import Findings
from app.transfer.importer import Importer
from app.transfer.mapping import escaped
from app.transfer.misread import Misread
from app.transfer.near_names import near_name
from app.transfer.numbers import Survey
from app.transfer.options import Options
from app.transfer.phone_cells import PhoneReader
from app.transfer.readers import Source, open_file
from app.transfer.report import Report
from app.transfer.rows import BareNumber, FileRow, PhoneText, Reason, Row


class Intake:
    """A file that was looked at and can be read several times.

    `problem` says why nothing of it may be stored; None where it may. Close it after use. Raises
    `InvalidInput` where the file cannot be read.
    """

    def __init__(self, source: Source, options: Options, phone_check: str) -> None:
        self.opened = open_file(source)
        self._options = options
        self._schema = ContactSchema(phone_check)
        self._reader = PhoneReader(phone_check, options.region, options.international)
        self.survey: Survey | None = None
        if options.region is None and not options.international:
            self.survey = Survey(self._phones(), self._reader)
        self.problem = self.survey.problem() if self.survey else None

    def __enter__(self) -> "Intake":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.survey:
            self.survey.close()
        self.opened.close()

    def importer(
        self, db: Database, *, dry_run: bool, **callbacks: Callable[..., object]
    ) -> Importer:
        """Return what imports the rows, or only plans them in a dry run; close it after use."""
        layout, encoding = self.opened.layout, self.opened.encoding
        report = Report(
            dry_run=dry_run,
            format=self.opened.format,
            encoding=encoding.label if encoding else None,
            profile=layout.profile.name if layout and layout.profile else None,
            columns={each.name: each.field for each in layout.columns} if layout else {},
        )
        return Importer(
            db,
            self._schema,
            report,
            names=layout.names if layout else {},
            options=self._options,
            reader=self._reader,
            findings=Findings(layout),
            **callbacks,
        )

    def run(self, db: Database, importer: Importer) -> None:
        """Import all rows. Raises `InvalidInput` where nothing of the file may be stored."""
        if self.problem and not importer.report.dry_run:
            raise InvalidInput({"phone": [self.problem]})
        for warning in self._mistyped():
            importer.report.warn(**warning)
        importer.run(self._rows(importer, self._required_types(db)))
        encoding, words = self.opened.encoding, importer.findings.words
        if encoding and not encoding.is_certain and words:
            reason = (
                f"The encoding is likely {encoding.label}: does this look right? "
                f"{', '.join(words)}. If not, name it with --encoding."
            )
            importer.report.warn(self.opened.header_line, None, reason)
        for warning in importer.findings.warnings(self.opened.header_line):
            importer.report.warn(**warning)

    def _mistyped(self) -> Iterator[dict[str, Any]]:
        """Yield a warning for each column whose name is near a known one."""
        for each in self.opened.layout.columns if self.opened.layout else ():
            if each.source == GUESSED and (near := near_name(each.name)):
                reason = (
                    f"Is stored as {each.field}: did you mean {near[1]}? Then import with "
                    f'--map "{escaped(each.name)}={near[1]}".'
                )
                yield {"line": self.opened.header_line, "column": each.name, "reason": reason}

    def _required_types(self, db: Database) -> Mapping[str, str]:
        columns = self.opened.layout.columns if self.opened.layout else ()
        keys = [each.field.removeprefix(CUSTOM) for each in columns]
        return bulk.required_types(db, keys) if keys else {}

    def _phones(self) -> Iterator[Row | BareNumber]:
        """Yield all rows with their phone numbers alone."""
        convert: Callable[[FileRow], Row | BareNumber] = _of_json
        if layout := self.opened.layout:
            convert = Converter(layout, Findings(None)).phones
        for raw in self.opened.rows():
            yield _unreadable(raw) if raw.fault else convert(raw)

    def _rows(
        self, importer: Importer, required_types: Mapping[str, str]
    ) -> Iterator[tuple[Row, str | None]]:
        """Yield all rows, with the phones of those that the survey has read."""
        convert = _of_json
        if layout := self.opened.layout:
            separator = self._options.tag_separator
            convert = Converter(layout, importer.findings, separator, required_types).row
        rows: Iterable[tuple[FileRow, str | None]] = ((raw, None) for raw in self.opened.rows())
        if self.survey:
            rows = zip(self.opened.rows(), self.survey.phones(), strict=True)
        misread = Misread(self.opened.encoding)
        for raw, phone in rows:
            if not (raw.fault or raw.raw.isascii()) and (doubt := misread.doubt(raw.raw)):
                importer.report.warn(raw.line, None, doubt)
            yield _unreadable(raw) if raw.fault else convert(raw, has_phone=bool(phone)), phone


def _unreadable(raw: FileRow) -> Row:
    reasons = [Reason(None, raw.fault or "")]
    return Row(raw.line, raw.last_line, raw.raw, reasons=reasons, is_readable=False)


def _of_json(raw: FileRow, *, has_phone: bool = False) -> Row:
    """Return what a line of JSON Lines says: a body of `POST /v1/contacts`."""
    values = dict(raw.values or {})
    phones: list[PhoneText] = []
    if isinstance(phone := values.get("phone"), str):
        del values["phone"]
        text = f"+{phone}" if values.get("id") == f"cnt_{phone}" else phone
        phones = [PhoneText(text, "phone", "main")]
    return Row(raw.line, raw.last_line, raw.raw, values, phones)
