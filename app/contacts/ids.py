"""The id of a contact in a path: `cnt_` and its phone, or the phone in any tolerated spelling."""

from app.contacts.phone import PhoneError, normalise
from app.errors import NotFound


def phone_of(id: str) -> str:
    """Return the phone of an id. Raises `NotFound` for what cannot be one.

    A phone after `cnt_` is a stored form, and is not normalised again.
    """
    stored = id.removeprefix("cnt_")
    if stored != id and stored.isascii() and stored.isdigit():
        return stored
    try:
        return normalise(stored)
    except PhoneError:
        raise NotFound("There is no such contact: the id is cnt_ and a phone.") from None
