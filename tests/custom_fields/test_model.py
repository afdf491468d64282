"""The type that is reported for a custom field."""

import pytest

from app.custom_fields.model import CustomField


@pytest.mark.parametrize(
    ("counts", "required", "expected"),
    [
        ((3, 0, 0), None, "string"),
        ((0, 3, 0), None, "number"),
        ((0, 0, 3), "string", "boolean"),
        ((1, 0, 3), "string", "mixed"),
        ((1, 1, 1), None, "mixed"),
        ((0, 0, 0), "number", "number"),
        ((0, 0, 0), None, None),
    ],
)
def test_reports_the_type_of_the_values_or_else_the_required_type(
    counts: tuple[int, int, int], required: str | None, expected: str | None
) -> None:
    field = CustomField(1, "plan", *counts, label=None, required_type=required)
    assert (field.type, field.contacts) == (expected, sum(counts))
