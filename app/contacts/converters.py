"""Converters of what stands in a path."""

from werkzeug.routing import BaseConverter


class ContactConverter(BaseConverter):
    """An id or a phone; never the name of another route beside those of one contact."""

    regex = r"(?!(?:batch|export|import|search)\Z)[^/]+"
