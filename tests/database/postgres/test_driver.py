"""Errors of PostgreSQL as ours."""

import pytest
from psycopg.errors import lookup

from app.database.postgres.driver import is_lost, translated
from app.errors import InsufficientStorage, ServiceError, Unavailable


@pytest.mark.parametrize(
    ("state", "error", "lost"),
    [
        ("53100", InsufficientStorage, False),  # disk full
        ("53200", Unavailable, True),  # out of memory
        ("53300", Unavailable, True),  # too many connections
    ],
)
def test_translates_a_lack_of_resources(state: str, error: type[ServiceError], lost: bool) -> None:
    found = lookup(state)()
    assert (type(translated(found)), is_lost(found)) == (error, lost)
