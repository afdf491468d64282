"""URL converters: how parts of a path are matched and normalised."""

import unicodedata

from werkzeug.routing import BaseConverter

from app.web.fields import without_invisible


class NameConverter(BaseConverter):
    """A tag or key in a path: any characters, also `/`; normalised as it is stored."""

    regex = ".+"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return unicodedata.normalize("NFC", without_invisible(value[:1_000]).strip())
