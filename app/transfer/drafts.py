"""Checks rows and turns them into drafts, or returns why a row is rejected."""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import ValidationError

from app.contacts import bulk
from app.contacts.fields import parse_phone
from app.contacts.model import Draft
from app.contacts.schemas import ContactSchema
from app.errors import InvalidInput
from app.search.operands import CUSTOM, instant
from app.transfer.mapping import escaped
from app.transfer.numbers import choose_phone
from app.transfer.options import Options
from app.transfer.phone_cells import PhoneReader
from app.transfer.report import Report
from app.transfer.rows import Reason, Row

MAX_ALIASES = 1_000
_NO_INSTANT = (
    'Must be a date and time with its zone, such as "2026-06-02T08:00:00Z". To keep it as text, '
    'import with --map "{column}=custom_fields.created_at".'
)


class Drafts:
    """`names` maps each field to its column; what a row loses is a warning of the report."""

    def __init__(
        self,
        schema: ContactSchema,
        report: Report,
        *,
        names: Mapping[str, str],
        options: Options,
        reader: PhoneReader,
    ) -> None:
        self._schema = schema
        self._report = report
        self._names = names
        self._options = options
        self._reader = reader

    def checked(self, row: Row, phone: str | None) -> bulk.Checked:
        """Return the draft of a row, whose phone may be known, or the error of an invalid row."""
        try:
            return self._draft(row, phone)
        except InvalidInput as error:
            return error

    def _draft(self, row: Row, phone: str | None) -> Draft:
        reasons = [*row.reasons]
        is_whole = row.is_readable and not (reasons and reasons[0].column is None)
        if phone is None and is_whole and "phone" not in row.values:
            chosen = choose_phone(row, self._reader)
            phone = chosen.phone
            reasons += chosen.reasons
            for column, reason in chosen.passed:
                self._report.warn(row.line, column, f"Not the phone, another number is: {reason}")
        if reasons and not (self._options.lenient and phone):
            raise _refused(reasons)
        self._left_out(row, reasons)
        values = dict(row.values)
        id, created_at = values.pop("id", None), values.pop("created_at", None)
        values.pop("updated_at", None)
        aliases = _parse_aliases(values.pop("aliases")) if "aliases" in values else ()
        draft = self._parsed(row, self._with_tags(values), phone)
        if id is not None and id != f"cnt_{draft.phone}":
            raise InvalidInput({"id": [f"Does not match the phone: must be cnt_{draft.phone}."]})
        if created_at is not None:
            try:
                draft = draft._replace(created_at=instant(created_at, "lte"))
            except ValidationError:
                column = escaped(self.column("created_at"))
                reason = _NO_INSTANT.format(column=column)
                raise InvalidInput({"created_at": [reason]}) from None
        return draft._replace(aliases=aliases) if aliases else draft

    def _parsed(self, row: Row, values: dict[str, Any], phone: str | None) -> Draft:
        try:
            return self._schema.draft(values, phone=phone)
        except InvalidInput as error:
            details = error.details or {}
            if not self._options.lenient or phone is None:
                raise
            draft = self._schema.draft(_without(values, details), phone=phone)
            self._left_out(row, [Reason(self.column(name), text) for name, text in leaves(details)])
            return draft

    def _left_out(self, row: Row, reasons: Iterable[Reason]) -> None:
        """Report cells that are left out instead of their row."""
        for column, reason in reasons:
            self._report.warn(row.line, column, f"The cell is left out: {reason}")

    def _with_tags(self, values: dict[str, Any]) -> dict[str, Any]:
        """Let a row add its tags, unless they are to replace those of the contact."""
        tags, more = values.get("tags"), list(self._options.add_tags)
        if not isinstance(tags, list) or "add_tags" in values:
            if more and "tags" not in values:
                values["add_tags"] = [*(values.get("add_tags") or ()), *more]
            return values
        if self._options.replace_tags:
            values["tags"] = tags + more
        else:
            values["add_tags"] = values.pop("tags") + more
        return values

    def column(self, field: str) -> str:
        """Return the column of a field, such as `tags` or `tags.3`."""
        if field.startswith("add_tags") and "add_tags" not in self._names:
            field = field.removeprefix("add_")
        if field in self._names or field.startswith(CUSTOM):
            return self._names.get(field, field)
        return self._names.get(field.partition(".")[0], field)


def _parse_aliases(value: object) -> tuple[str, ...]:
    """Return the phones that were merged into an exported contact. Raises `InvalidInput`."""
    given = value.split(";") if isinstance(value, str) else value or []
    if not isinstance(given, list) or len(given) > MAX_ALIASES:
        reason = f"Must be an array of at most {MAX_ALIASES} phones, or those with ; between."
        raise InvalidInput({"aliases": [reason]})
    try:
        return tuple(parse_phone(each) for each in given if each != "")
    except ValidationError as error:
        raise InvalidInput({"aliases": list(error.messages)}) from None


def _without(values: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without those that the details of an error name."""
    kept = dict(values)
    for name, reasons in details.items():
        value = kept.pop(name, None)
        if isinstance(reasons, dict) and isinstance(value, list):
            kept[name] = [each for place, each in enumerate(value) if str(place) not in reasons]
        elif isinstance(reasons, dict) and isinstance(value, dict):
            kept[name] = {key: each for key, each in value.items() if key not in reasons}
    return kept


def _refused(reasons: Iterable[Reason]) -> InvalidInput:
    details: dict[str, list[str]] = {}
    for column, text in reasons:
        details.setdefault(column or "", []).append(text)
    return InvalidInput(details)


def leaves(details: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Yield the path and the text of each reason in the details of an error."""
    for name, reasons in details.items():
        if isinstance(reasons, dict):
            yield from leaves(reasons, f"{prefix}{name}.")
        else:
            yield from ((f"{prefix}{name}", reason) for reason in reasons)
