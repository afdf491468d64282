"""Imports rows: each is an upsert, and each batch is stored as a whole."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from app.contacts import bulk
from app.contacts.model import Change, Contact, Draft
from app.contacts.national import region_of
from app.contacts.schemas import ContactSchema
from app.contacts.writer import Outcome
from app.database import Database
from app.database.scratch import Scratch
from app.errors import InvalidInput, ServiceError
from app.transfer.drafts import Drafts, leaves
from app.transfer.findings import Findings
from app.transfer.options import Options
from app.transfer.phone_cells import PhoneReader
from app.transfer.report import MAX_ERRORS, Report, entry
from app.transfer.rows import Reason, Row
from app.transfer.twins import Twins

BATCH_ROWS = 1_000
BATCH_BYTES = 2**21
PREVIEWED = 5


class Importer:
    """One import, or the preview of one where `report.dry_run` is set.

    `report` counts whole batches, also where the import fails. `names` maps each field to its
    column. `on_rejected` gets each rejected row with its reasons as text. `after_batch` is called
    when everything that is reported is stored; it may raise to stop the import. `is_storing` is
    True while a batch is stored: the import must not be interrupted then. `shown` has the first
    rows of each outcome, by line, in a dry run.
    """

    def __init__(
        self,
        db: Database,
        schema: ContactSchema,
        report: Report,
        *,
        names: Mapping[str, str],
        options: Options,
        reader: PhoneReader,
        findings: Findings,
        on_rejected: Callable[[Row, str], object] = lambda *_: None,
        after_batch: Callable[[Report], object] = lambda _: None,
    ) -> None:
        self.report = report
        self.is_storing = False
        self.shown: dict[str, list[tuple[int, Change]]] = {}
        self._db = db
        self._drafts = Drafts(schema, report, names=names, options=options, reader=reader)
        self.findings = findings
        self._on_rejected = on_rejected
        self._after_batch = after_batch
        self._seen = Scratch()
        self._twins = Twins(db, self._seen, join=options.match_twins)
        self._planned = _PlannedContacts() if report.dry_run else None

    def run(self, rows: Iterable[tuple[Row, str | None]]) -> None:
        """Import all rows, with the phones of those that are read already.

        Raises `Unavailable` or `InsufficientStorage` where the store fails.
        """
        batch: list[tuple[Row, bulk.Checked]] = []
        size = 0
        for row, phone in rows:
            batch.append((row, self._drafts.checked(row, phone)))
            size += len(row.raw)
            if len(batch) == BATCH_ROWS or size > BATCH_BYTES:
                self._finish(batch)
                batch, size = [], 0
        self._finish(batch)

    def close(self) -> None:
        self._seen.close()
        if self._planned:
            self._planned.close()

    def _finish(self, batch: Sequence[tuple[Row, bulk.Checked]]) -> None:
        """Store a batch, or only plan it in a dry run, and report it."""
        self.is_storing = True
        try:
            self._store(batch)
        finally:
            self.is_storing = False
        self._after_batch(self.report)

    def _store(self, batch: Sequence[tuple[Row, bulk.Checked]]) -> None:
        batch, notes = self._twins.resolve(batch)
        drafts = [draft for _, draft in batch]
        if self._planned:
            outcomes = bulk.plan_all(self._db, drafts, self._planned)
        else:
            outcomes = bulk.upsert_all(self._db, drafts)
        done = list(zip(batch, outcomes, strict=True))
        failure = next((each for each in outcomes if _is_failure(each)), None)
        if failure:
            done = done[: outcomes.index(failure)]
        for (row, draft), outcome in done:
            if isinstance(outcome, Change) and isinstance(draft, Draft):
                self._count(row, draft, outcome)
            elif isinstance(outcome, ServiceError):
                self._reject(row, outcome)
            self.report.last_line = row.last_line
        for line, reason in notes:
            self.report.warn(line, self._drafts.column("phone"), reason)
        self._warn_of_repeats(done)  # Last: it raises where the temporary folder is full.
        if isinstance(failure, ServiceError):
            raise failure

    def _count(self, row: Row, draft: Draft, change: Change) -> None:
        self.report.count(change.status)
        self.report.numbers[region_of(draft.phone)] += 1
        self.findings.count(draft)
        if self._planned:
            shown = self.shown.setdefault(change.status, [])
            if len(shown) < PREVIEWED:
                shown.append((row.line, change))

    def _warn_of_repeats(self, done: Sequence[tuple[tuple[Row, bulk.Checked], Outcome]]) -> None:
        lines = [
            (draft.phone, row.line)
            for (row, draft), outcome in done
            if isinstance(draft, Draft) and isinstance(outcome, Change)
        ]
        seen = self._seen.get([phone for phone, _ in lines])
        for phone, line in lines:
            if phone in seen:
                self.report.repeated += 1
                reason = f"The phone is also in line {seen[phone]}: the last row wins."
                self.report.warn(line, self._drafts.column("phone"), reason)
            seen[phone] = str(line)
        self._seen.put(seen)

    def _reject(self, row: Row, error: ServiceError) -> None:
        reasons = [
            Reason(self._drafts.column(name) if name else None, text)
            for name, text in leaves(error.details or {"": [error.message]})
        ]
        self.report.count("rejected")
        for column, text in reasons:
            if len(self.report.errors) < MAX_ERRORS:
                self.report.errors.append(entry(row.line, column, text))
        text = "; ".join(f"{column}: {text}" if column else text for column, text in reasons)
        self._on_rejected(row, text)


class _PlannedContacts:
    """Contacts as a dry run would leave them, by phone, in a temporary file."""

    def __init__(self) -> None:
        self._views = Scratch()
        self.close = self._views.close

    def get(self, phone: str, default: Contact | None, /) -> Contact | None:
        found = self._views.get([phone])
        if not found:
            return default
        view = json.loads(found[phone])
        return Contact(**view | {"tags": tuple(view["tags"])})

    def __setitem__(self, phone: str, contact: Contact, /) -> None:
        view = contact.full_view()
        del view["id"]
        self._views.put({phone: json.dumps(view)})


def _is_failure(outcome: Outcome) -> bool:
    return isinstance(outcome, ServiceError) and not isinstance(outcome, InvalidInput)
