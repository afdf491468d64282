"""The encoder of stored JSON writes what `json` writes, and rejects what it rejects."""

import json

import pytest

from app.compact_json import encode

VALUES = [
    *(
        None,
        True,
        False,
        0,
        -1,
        2**53,
        2**70,
        1.0,
        0.1,
        1e16,
        1e-7,
        -0.0,
        "",
        'Zoë \u2028 \x1f " \\',
    ),
    *([], {}, [1, [2, ["x"]]], {"a": {"b": [None, 1.5, "ü"]}, "": 0}, "\U0001f600", ("a", "b")),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_encodes_as_json_does(value: object) -> None:
    assert encode(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_rejects_values_that_json_cannot_represent() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        encode({"a": object()})
    assert encode({"a": 1}) == '{"a":1}'  # The next value is not affected.
