"""URL converters: how parts of a path are matched and normalised."""

import unicodedata

from werkzeug.routing import BaseConverter


class NameConverter(BaseConverter):
    """A tag or key in a path: any characters, also `/`; trimmed and NFC, as it is stored."""

    regex = ".+"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return unicodedata.normalize("NFC", value[:1_000].strip())
