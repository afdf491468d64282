"""Converters of what stands in a path."""

import unicodedata

from werkzeug.routing import BaseConverter


class NameConverter(BaseConverter):
    """A tag or key in a path: any characters, slashes too; trimmed and composed as it is stored."""

    regex = ".+"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return unicodedata.normalize("NFC", value[:1_000].strip())
