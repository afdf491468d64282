"""JSON without spaces, as it is stored and sent."""

import json.encoder
from collections.abc import Callable
from functools import lru_cache
from typing import Any


def _new_encoder() -> Callable[[object], str]:
    """Return a function that encodes a value as JSON.

    `JSONEncoder.encode` creates a C encoder for each value, which takes as long as encoding a
    small value. Where Python has no such encoder, as in PyPy, it is used as it is.
    """
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    new = getattr(json.encoder, "c_make_encoder", None)
    if new is None:
        return encoder.encode
    text = json.encoder.encode_basestring
    pieces = new(None, encoder.default, text, None, ":", ",", False, False, True)
    return lambda value: "".join(pieces(value, 0))


encode = _new_encoder()
_decode = json.JSONDecoder().raw_decode


def decode(text: str) -> Any:
    """Return the value of JSON that `encode` has written, which has no spaces to look for."""
    return _decode(text)[0]


@lru_cache(maxsize=256)
def encode_names(names: tuple[str, ...]) -> str:
    """Return an array of names, one of those that come again and again."""
    return encode(names)
