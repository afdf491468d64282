"""Maps the columns of a file to fields: by the mapping of the client, by name, or by a guess.

Example: with the mapping `Mobile=phone`, a header `Mobile,first_name,Vorname,Plan` becomes
`phone`, `first_name`, and, if guessing is allowed, `custom_fields.Vorname` (`first_name` is
taken) and `custom_fields.Plan`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from marshmallow import ValidationError

from app.contacts.fields import clean_key
from app.errors import InvalidInput
from app.search.operands import CUSTOM
from app.transfer.rows import LINE, REASON, TEXT
from app.web.loading import printable, printable_name

FIELDS = ("phone", "first_name", "last_name", "email", "tags")
CARRIED = ("id", "created_at", "updated_at")
SKIPPED = ""
MAX_PAIRS = 1_000

# Names that people and other systems use, reduced to letters and digits.
_GUESSES = {
    "phone": "phone phones phonenumber phoneno mobile mobilephone mobilenumber mobileno cell "
    "cellphone cellnumber tel telephone telephonenumber whatsapp whatsappnumber whatsappphone "
    "msisdn contactnumber number phone1value handy handynummer telefon telefonnummer telefono "
    "celular telefone portable movil",
    "first_name": "firstname givenname forename name fullname contactname vorname nombre prenom "
    "nome",
    "last_name": "lastname surname familyname nachname apellido apellidos nomdefamille sobrenome "
    "cognome",
    "email": "email emailaddress mail mailaddress email1value correo correoelectronico courriel",
    "tags": "tag tags label labels group groups groupmembership etiquetas etiquettes",
    "created_at": "created createdat createdon createddate creationdate",
    "updated_at": "updatedat updated updatedon modified modifiedat lastmodified",
}
_TARGETS = {name: target for target, names in _GUESSES.items() for name in names.split()}


@dataclass(frozen=True)
class Columns:
    """The field of each column, in the order of the file; `guessed` maps the guessed columns."""

    names: Sequence[str]
    targets: Sequence[str]
    guessed: Mapping[str, str] = field(default_factory=dict)


def parse_mapping(texts: Iterable[str]) -> dict[str, str]:
    """Read `Mobile=phone,Plan=custom_fields.plan`; `Notes=` leaves a column out.

    A comma or backslash in a name is escaped by a backslash. Raises marshmallow's
    `ValidationError`.
    """
    mapping: dict[str, str] = {}
    for pair in (each for text in texts for each in _pairs(text)):
        name, equals, target = pair.rpartition("=")
        if not equals or not name.strip():
            raise ValidationError("Must be COLUMN=FIELD pairs, separated by commas.")
        if name.strip() in mapping:
            raise ValidationError(f'The column "{printable_name(name)}" is mapped twice.')
        mapping[name.strip()] = _target(target.strip())
    if len(mapping) > MAX_PAIRS:
        raise ValidationError(f"At most {MAX_PAIRS} columns.")
    if twice := _duplicate(mapping.values()):
        raise ValidationError(f"Two columns for {printable_name(twice)}: leave one out with NAME=")
    return mapping


def _duplicate(targets: Iterable[str]) -> str | None:
    return next((name for name, count in Counter(targets).items() if name and count > 1), None)


def _pairs(text: str) -> list[str]:
    found = re.findall(r"(?:[^,\\]|\\.|\\$)+", text, re.DOTALL)
    return [re.sub(r"\\([,\\])", r"\1", pair) for pair in found if pair.strip()]


def _target(name: str) -> str:
    if name.startswith(CUSTOM):
        return CUSTOM + clean_key(name.removeprefix(CUSTOM))
    if name not in (SKIPPED, *FIELDS, *CARRIED):
        known = ", ".join((*FIELDS, *CARRIED))
        raise ValidationError(f'No field "{printable_name(name)}": use {known} or {CUSTOM}KEY.')
    return name


def choose(header: Sequence[str], mapping: Mapping[str, str], *, guess: bool) -> Columns:
    """Return the field of each column of a file: from `mapping`, else by its name.

    Other columns get a guessed field, or without `guess` are rejected with a mapping to use.
    Raises `InvalidInput`.
    """
    names = [name.strip() for name in header]
    if unknown := [name for name in mapping if name not in names]:
        raise _refused(f'There is no column "{printable_name(unknown[0])}" in the file.')
    chosen = [mapping[name] if name in mapping else _by_name(name) for name in names]
    taken = {target for target in chosen if target}
    guessed: dict[str, str] = {}
    for place, name in enumerate(names):
        if chosen[place] is None:
            chosen[place] = guessed[name] = _guess(name, taken)
            taken.add(guessed[name])
    if guessed and not guess:
        proposed = ",".join(f"{_escaped(name)}={target}" for name, target in guessed.items())
        raise _refused(f"Columns without a field: give them one, such as map={proposed}")
    targets = [target or SKIPPED for target in chosen]
    if twice := _duplicate(targets):
        raise _refused(f"Two columns for {printable_name(twice)}: leave one out with NAME=")
    if "phone" not in targets:
        raise _refused("No column is the phone: name it, such as Mobile=phone")
    return Columns(names, targets, guessed)


def _by_name(name: str) -> str | None:
    if name in (*FIELDS, *CARRIED):
        return name
    if name in (LINE, REASON, TEXT, ""):
        return SKIPPED
    if name.startswith(CUSTOM):
        try:
            return CUSTOM + clean_key(name.removeprefix(CUSTOM))
        except ValidationError as error:
            raise _refused(f'"{printable_name(name)}": {error.messages[0]}') from None
    return None


def _guess(name: str, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold())
    target = _TARGETS.get("".join(letter for letter in plain if letter.isalnum()))
    if target and target not in taken:
        return target
    key = re.sub(r"[\[\]\x00-\x1f\x7f-\x9f]", " ", name)[:64].strip()
    return f"{CUSTOM}{key}" if key else SKIPPED


def _escaped(name: str) -> str:
    return printable_name(name).replace("\\", "\\\\").replace(",", "\\,")


def _refused(reason: str) -> InvalidInput:
    return InvalidInput({"map": [printable(reason)]})
