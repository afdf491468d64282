"""Splits vCards 2.1, 3.0 and 4.0 into properties (RFC 2426, RFC 6350, versit vCard 2.1).

Photos and other attachments are passed over without keeping them in memory.
"""

import binascii
import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from app.errors import InvalidInput

MAX_LINE = 2**20
MAX_PROPERTIES = 2_000
_ATTACHMENTS = frozenset(("PHOTO", "LOGO", "SOUND", "KEY", "CALADRURI", "X-MS-CARDPICTURE"))
_HEAD = re.compile(rb'(?:[\w-]+\.)?([\w-]+)((?:;(?:"[^"]*"|[^:"])*)?):', re.DOTALL)
_END = re.compile(rb"END:VCARD\s*$", re.IGNORECASE)
_QUOTED = re.compile(rb";(?:ENCODING=)?QUOTED-PRINTABLE(?:;|$)", re.IGNORECASE)
_GROUP = re.compile(rb"([\w-]+)\.")
_PARAMETER = re.compile(r';([^;="]*)=?((?:"[^"]*"|[^;"])*)')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CARD = re.compile(rb":\s*VCARD\s*$", re.IGNORECASE)
_CARET = re.compile(r"\^([n'^])")


_Line = tuple[str, bytes, "re.Match[bytes]"]  # A property's name, the line, its match of _HEAD.


@dataclass(frozen=True)
class Property:
    """One property: its name in capitals, the group before it, its parameters and its value.

    `types` has the types in lower case, also those that version 2.1 writes without `TYPE=`.
    """

    name: str
    group: str
    parameters: dict[str, str]
    types: frozenset[str]
    version: str
    charset: str
    _value: bytes = field(repr=False)

    def text(self) -> str:
        return self._unescaped(self._decoded(self._value))

    def parts(self, separators: str = ";") -> list[str]:
        """Return the parts of the value between separators that are not escaped."""
        if self._encoding == "quoted-printable":  # A separator that is encoded does not separate.
            raw = _split(self._value.decode("latin-1"), separators)
            found = [self._decoded(part.encode("latin-1")) for part in raw]
        else:
            found = _split(self._decoded(self._value), separators)
        return [self._unescaped(part).strip() for part in found]

    @property
    def preference(self) -> int:
        """From 1 for the most preferred to 101 for what is not preferred."""
        number = self.parameters.get("pref", "")
        is_number = number.isdecimal() and len(number) <= 3
        return int(number) if is_number else 1 if "pref" in self.types else 101

    @property
    def _encoding(self) -> str:
        encoding = self.parameters.get("encoding", "").lower()
        if encoding == "quoted-printable" or "quoted-printable" in self.types:
            return "quoted-printable"
        return "base64" if encoding in ("b", "base64") or "base64" in self.types else ""

    def _decoded(self, value: bytes) -> str:
        if self._encoding == "quoted-printable":
            value = quopri.decodestring(value)
        elif self._encoding == "base64":
            try:
                value = binascii.a2b_base64(value)
            except binascii.Error:
                return ""
        for each in (self.parameters.get("charset", ""), self.charset, "utf-8"):
            try:
                return value.decode(each)
            except (LookupError, ValueError):
                continue
        return value.decode("cp1252", "replace")

    def _unescaped(self, text: str) -> str:
        if self.version == "2.1":  # A backslash before n is one, such as in a path.
            text = re.sub(r"\\([;,:\\])", r"\1", text)
        elif "\\" in text:
            text = _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], text)
        return text.replace("\r\n", "\n")


def _split(text: str, separators: str) -> list[str]:
    parts, start, is_escaped = [], 0, False
    for place, sign in enumerate(text):
        if sign in separators and not is_escaped:
            parts.append(text[start:place])
            start = place + 1
        is_escaped = sign == "\\" and not is_escaped
    return [*parts, text[start:]]


def read_cards(lines: Iterable[bytes], charset: str) -> Iterator[tuple[int, list[Property]]]:
    """Yield the line and the properties of each card.

    `charset` holds where a property names none. Raises `InvalidInput` where the file is cut short.
    """
    card: list[_Line] = []
    begin = depth = 0
    for line, raw in _unfolded(lines):
        match = _HEAD.match(raw)
        name = match[1].decode("ascii", "replace").upper() if match else ""
        if name in ("BEGIN", "END") and _CARD.search(raw):
            depth += 1 if name == "BEGIN" else -1  # A card in a card is that of an agent.
            if depth == 1 and name == "BEGIN":
                begin, card = line, []
            elif depth == 0:
                yield begin, _properties(card, charset)
            depth = max(depth, 0)
        elif match and depth == 1 and name not in _ATTACHMENTS:
            if len(card) == MAX_PROPERTIES:
                raise InvalidInput({"file": [f"The card in line {begin} is too long."]})
            card.append((name, raw, match))
    if depth:
        raise InvalidInput({"file": [f"The card in line {begin} has no end: the file is cut."]})


def _properties(card: Iterable[_Line], charset: str) -> list[Property]:
    versions = [
        raw[match.end() :].strip().decode("ascii", "replace")
        for name, raw, match in card
        if name == "VERSION"
    ]
    version = versions[0] if versions else "3.0"
    return [_property(*each, version, charset) for each in card if each[0] != "VERSION"]


def _property(
    name: str, raw: bytes, match: re.Match[bytes], version: str, charset: str
) -> Property:
    parameters: dict[str, str] = {}
    types: set[str] = set()
    for key, value in _PARAMETER.findall(match[2].decode(errors="replace")):
        plain = _CARET.sub(_caret, value.strip().replace('"', ""))
        if key.strip().lower() == "type":
            types.update(each.strip().lower() for each in plain.split(","))
        elif value:
            parameters[key.strip().lower()] = plain
        else:
            types.add(key.strip().lower())
    group = _GROUP.match(raw)
    return Property(
        name=name,
        group=group[1].decode("ascii", "replace").lower() if group else "",
        parameters=parameters,
        types=frozenset(types),
        version=version,
        charset=charset,
        _value=raw[match.end() :],
    )


def _caret(match: re.Match[str]) -> str:
    """Return what an escape of RFC 6868 stands for."""
    return {"n": "\n", "'": '"'}.get(match[1], "^")


def _unfolded(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each property with its continuations, and the number of its first line."""
    whole: list[bytes] = []
    start = size = 0
    is_soft = is_quoted = is_attachment = False
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip(b"\r\n")
        match = None if line[:1] in (b" ", b"\t") else _HEAD.match(line)
        if whole and not match and _END.match(whole[0]):
            continue  # Text between cards.
        if whole and (not match or (is_soft and not _END.match(line))):
            if is_attachment or not line:
                is_soft = False
                continue
            if not is_soft and line[:1] in (b" ", b"\t"):
                line = line[1:]
            elif not is_soft and not is_quoted:
                line = b"\n" + line  # A line break that should have been written as \\n.
            size += len(line)
        else:
            if whole:
                yield start, b"".join(whole)
            whole, start, size = [], number, len(line)
            name, parameters = (match[1], match[2]) if match else (b"", b"")
            is_attachment = name.decode("ascii", "replace").upper() in _ATTACHMENTS
            is_quoted = bool(_QUOTED.search(parameters))
        if size > MAX_LINE and not is_attachment:
            raise InvalidInput({"file": [f"The property in line {start} is too long."]})
        is_soft = is_quoted and line.endswith(b"=")
        whole.append(line[:-1] if is_soft else line)
    if whole:
        yield start, b"".join(whole)
