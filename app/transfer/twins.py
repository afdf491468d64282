"""Finds rows whose number differs by Brazil's or Argentina's 9 from another row's or a stored one.

WhatsApp mixes both forms, so that they may be one person.
"""

from collections.abc import Sequence

from app.contacts import bulk
from app.contacts.model import Draft
from app.contacts.phone import twins
from app.database import Database
from app.database.scratch import Scratch
from app.transfer.rows import Row

Batch = Sequence[tuple[Row, bulk.Checked]]


class Twins:
    """`seen` has the phones of earlier batches. With `join` a row updates the twin instead."""

    def __init__(self, db: Database, seen: Scratch, *, join: bool) -> None:
        self._db = db
        self._seen = seen
        self._join = join

    def resolve(self, batch: Batch) -> tuple[Batch, list[tuple[int, str]]]:
        """Return the rows, with the phone of their twin if they join it, and notes by line."""
        twin_of = {
            draft.phone: found[0]
            for _, draft in batch
            if isinstance(draft, Draft) and (found := twins(draft.phone))
        }
        if not twin_of:
            return batch, []
        phones = {*twin_of, *twin_of.values()}
        known = set(bulk.known_phones(self._db, phones))
        lines = self._seen.get(phones)
        notes: list[tuple[int, str]] = []
        resolved: list[tuple[Row, bulk.Checked]] = []
        for row, draft in batch:
            twin = twin_of.get(draft.phone) if isinstance(draft, Draft) else None
            if isinstance(draft, Draft) and twin and (twin in known or twin in lines):
                where = f"line {lines[twin]}" if twin in lines else "a stored contact"
                joins = self._join and draft.phone not in known
                notes.append((row.line, _note(draft.phone, twin, where, joins)))
                draft = draft._replace(phone=twin) if joins else draft
            if isinstance(draft, Draft) and draft.phone in phones:
                lines.setdefault(draft.phone, str(row.line))
            resolved.append((row, draft))
        return resolved, notes


def _note(phone: str, twin: str, where: str, joins: bool) -> str:
    if joins:
        return f"Joined with {twin} of {where}: {phone} differs from it by a 9 only."
    return (
        f"{phone} may be the same person as {twin} of {where}: they differ by a 9 only. "
        "To make them one contact, use --match-twins."
    )
