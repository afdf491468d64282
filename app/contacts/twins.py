"""Finds stored contacts by many phones at once, and those that may be the same person."""

from collections.abc import Collection, Iterable

from app.contacts import alias_store
from app.contacts.model import Draft
from app.contacts.phone import twins
from app.database import Database


def matching_twins(draft: Draft) -> Draft:
    """Return a draft that updates a twin, where one is stored and the phone itself is not."""
    return draft._replace(twins=tuple(twins(draft.phone)))


def find_twins(db: Database, phones: Iterable[str]) -> dict[str, list[str]]:
    """Return for each phone the ids of stored contacts that may be the same person."""
    asked = {phone: found for phone in phones if (found := twins(phone))}
    stored = alias_store.find_phones(
        db.connection(), [twin for each in asked.values() for twin in each]
    )
    return {
        phone: [f"cnt_{stored[twin]}" for twin in found if stored.get(twin, phone) != phone]
        for phone, found in asked.items()
    }


def find_phones(db: Database, phones: Collection[str]) -> dict[str, str]:
    """Return for each stored phone that of its contact, which is another one after a merge."""
    return alias_store.find_phones(db.connection(), phones)
