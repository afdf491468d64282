"""Counts with their nouns."""

from app.plurals import plural


def test_writes_one_and_many() -> None:
    assert [plural(count, "row") for count in (0, 1, 2_500)] == ["0 rows", "1 row", "2,500 rows"]
    assert plural(1, "delivery", "deliveries") == "1 delivery"
    assert plural(2, "delivery", "deliveries") == "2 deliveries"
