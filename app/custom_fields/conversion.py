"""Converts the stored values of a custom field to the type that it is pinned to."""

from app.api_keys.actor import acting_key
from app.contacts.model import Change, Contact, change
from app.contacts.sweeps import in_batches
from app.contacts.values import DATES, NotConvertible, convert
from app.contacts.writer import Edit, write_edits
from app.custom_fields import store
from app.custom_fields.model import CustomField, Position
from app.database import Connection, Database
from app.errors import NotFound


def convert_values(db: Database, field: CustomField) -> tuple[int, int]:
    """Convert values where nothing is lost; each changed contact gets its own event.

    Returns how many contacts were converted, and how many keep a value of another type. Raises
    `Unavailable` or `InsufficientStorage`; finished batches stay stored, and a repeated call
    converts the rest. The field must be pinned, so that no value of another type is stored while
    this runs.
    """
    required, actor = str(field.required_type), acting_key()
    # Dates are stored as strings, so any string may need a conversion.
    skipped = "" if required in DATES else required
    position = Position()
    converted = unconverted = 0

    def plan(before: Contact | None, now: str) -> Change:
        if before is None or field.key not in before.custom_fields:
            raise NotFound("The contact has lost the field.")
        try:
            value = convert(before.custom_fields[field.key], required)
        except NotConvertible:
            return Change(before, before, [])
        fields = {**before.custom_fields, field.key: value}
        return change(before, before, before._replace(custom_fields=fields), now)

    def run_batch(tx: Connection, size: int) -> bool:
        nonlocal position, converted, unconverted
        values = store.values_after(tx, field.id, position, size, skipped)
        ids = [each.contact_id for each in values]
        phones = store.phones_of(tx, ids) if ids else []
        edits = [Edit(phone, plan, actor, (field.key,)) for phone in phones]
        for outcome in write_edits(tx, edits):
            if isinstance(outcome, Change):
                converted += bool(outcome.changed)
                unconverted += not _fits(outcome.after, field.key, required)
        position = values[-1] if values else position
        return len(values) < size

    in_batches(db, run_batch)
    return converted, unconverted


def _fits(contact: Contact, key: str, required: str) -> bool:
    try:
        convert(contact.custom_fields[key], required)
    except NotConvertible:
        return False
    return True
