"""URL converters of this feature."""

from werkzeug.routing import BaseConverter


class ContactConverter(BaseConverter):
    """Matches an id or a phone in a path, but not the name of a sibling route such as `batch`."""

    regex = r"(?!(?:batch|export|import|lookup|search)\Z)[^/]+"
