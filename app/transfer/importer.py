"""Imports the rows of a file: each is an upsert, and each batch is stored as a whole."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError

from app.contacts import bulk
from app.contacts.model import Change, Contact, Draft
from app.contacts.phone import PhoneError, with_country
from app.contacts.schemas import ContactSchema
from app.contacts.writer import Outcome
from app.database import Database
from app.database.scratch import Scratch
from app.errors import InvalidInput, ServiceError
from app.search.operands import CUSTOM, instant
from app.transfer.damage import describe_damage, describe_lost_zeros
from app.transfer.report import MAX_ERRORS, Report, entry
from app.transfer.rows import Reason, Row

BATCH_ROWS = 1_000
BATCH_BYTES = 2**21
PREVIEWED = 5


class Importer:
    """One import, or the preview of one where `report.dry_run` is set.

    `report` counts whole batches, also where the import fails. `names` maps each field to its
    column. `region` is the country of phone numbers without a country code. `on_rejected` gets
    each rejected row with its reasons as text. `after_batch` is called when everything that is
    reported is stored; it may raise to stop the import. `is_storing` is True while a batch is
    stored: the import must not be interrupted then.
    """

    def __init__(
        self,
        db: Database,
        schema: ContactSchema,
        report: Report,
        *,
        names: Mapping[str, str],
        region: str | None = None,
        on_rejected: Callable[[Row, str], object] = lambda *_: None,
        after_batch: Callable[[Report], object] = lambda _: None,
    ) -> None:
        self.report = report
        self.is_storing = False
        self.preview: list[tuple[int, Change]] = []
        self._db = db
        self._schema = schema
        self._names = names
        self._region = region
        self._on_rejected = on_rejected
        self._after_batch = after_batch
        self._seen = Scratch()
        self._planned = _PlannedContacts() if report.dry_run else None

    def run(self, rows: Iterable[Row]) -> None:
        """Import all rows. Raises `Unavailable` or `InsufficientStorage` where the store fails."""
        batch: list[tuple[Row, bulk.Checked]] = []
        size = 0
        for row in rows:
            batch.append((row, self._checked(row)))
            size += len(row.raw)
            if len(batch) == BATCH_ROWS or size > BATCH_BYTES:
                self._finish(batch)
                batch, size = [], 0
        self._finish(batch)

    def close(self) -> None:
        self._seen.close()
        if self._planned:
            self._planned.close()

    def _checked(self, row: Row) -> bulk.Checked:
        try:
            if row.values is None:
                raise InvalidInput({reason.column or "": [reason.text] for reason in row.reasons})
            return self._draft(dict(row.values))
        except InvalidInput as error:
            return error

    def _draft(self, values: dict[str, Any]) -> Draft:
        id, created_at = values.pop("id", None), values.pop("created_at", None)
        values.pop("updated_at", None)
        phone = values.get("phone")
        if isinstance(phone, str):
            values["phone"] = self._international(phone)
        try:
            draft = self._schema.draft(values)
        except InvalidInput as error:
            raise _explained(error, phone) from None
        if id is not None and id != f"cnt_{draft.phone}":
            raise InvalidInput({"id": [f"Does not match the phone: must be cnt_{draft.phone}."]})
        if created_at is not None:
            try:
                draft = replace(draft, created_at=instant(created_at, "lte"))
            except ValidationError as error:
                raise InvalidInput({"created_at": list(error.messages)}) from None
        return draft

    def _international(self, phone: str) -> str:
        """Return a phone with a country code, where the file can be sure of one."""
        try:
            if damage := describe_damage(phone):
                raise PhoneError(damage)
            return with_country(phone, self._region) if self._region else phone
        except PhoneError as error:
            raise InvalidInput({"phone": [str(error)]}) from None

    def _finish(self, batch: Sequence[tuple[Row, bulk.Checked]]) -> None:
        """Store a batch, or only plan it in a dry run, and report it."""
        self.is_storing = True
        try:
            self._store(batch)
        finally:
            self.is_storing = False
        self._after_batch(self.report)

    def _store(self, batch: Sequence[tuple[Row, bulk.Checked]]) -> None:
        drafts = [draft for _, draft in batch]
        if self._planned:
            outcomes = bulk.plan_all(self._db, drafts, self._planned)
        else:
            outcomes = bulk.upsert_all(self._db, drafts)
        done = list(zip(batch, outcomes, strict=True))
        failure = next((each for each in outcomes if _is_failure(each)), None)
        if failure:
            done = done[: outcomes.index(failure)]
        for (row, _), outcome in done:
            if isinstance(outcome, Change):
                self.report.count(outcome.status)
                if self.report.dry_run and len(self.preview) < PREVIEWED:
                    self.preview.append((row.line, outcome))
            else:
                self._reject(row, outcome)
            self.report.last_line = row.last_line
        self._warn_of_repeats(done)  # Last: it raises where the temporary folder is full.
        if isinstance(failure, ServiceError):
            raise failure

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
                if len(self.report.warnings) < MAX_ERRORS:
                    reason = f"The phone is also in line {seen[phone]}: the last row wins."
                    self.report.warnings.append(entry(line, self._name("phone"), reason))
            seen[phone] = str(line)
        self._seen.put(seen)

    def _reject(self, row: Row, error: ServiceError) -> None:
        reasons = [
            Reason(self._name(name) if name else None, text)
            for name, text in _leaves(error.details or {"": [error.message]})
        ]
        self.report.count("rejected")
        for column, text in reasons:
            if len(self.report.errors) < MAX_ERRORS:
                self.report.errors.append(entry(row.line, column, text))
        text = "; ".join(f"{column}: {text}" if column else text for column, text in reasons)
        self._on_rejected(row, text)

    def _name(self, field: str) -> str:
        """Return the column of a field, such as `tags` or `tags.3`."""
        if field in self._names or field.startswith(CUSTOM):
            return self._names.get(field, field)
        return self._names.get(field.partition(".")[0], field)


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


def _explained(error: InvalidInput, phone: object) -> InvalidInput:
    """Add what a spreadsheet may have done to a rejected phone."""
    details = dict(error.details or {})
    lost = describe_lost_zeros(phone) if isinstance(phone, str) else None
    if "phone" in details and lost:
        details["phone"] = [f"{details['phone'][0]} {lost}"]
    return InvalidInput(details)


def _leaves(details: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Yield the path and the text of each reason in the details of an error."""
    for name, reasons in details.items():
        if isinstance(reasons, dict):
            yield from _leaves(reasons, f"{prefix}{name}.")
        else:
            yield from ((f"{prefix}{name}", reason) for reason in reasons)
