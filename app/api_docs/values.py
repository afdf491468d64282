"""What single values look like, as JSON Schema; the limits are the fields' own."""

from app.api_docs.operation import JsonSchema
from app.contacts import fields
from app.contacts.phone import EXAMPLE, MAX_LENGTH

CONTROL = r"\u0000-\u001f\u007f-\u009f"
# As it is stored; spaces at the ends are trimmed, not refused.
FULL_LINE = rf"^[^\s{CONTROL}]([^{CONTROL}]*[^\s{CONTROL}])?$"
LINE = rf"^([^\s{CONTROL}]([^{CONTROL}]*[^\s{CONTROL}])?)?$"
# No anchors: a key stands alone, or inside the name of a field or a parameter.
KEY = (
    rf"[^\s\[\]{CONTROL}]"
    rf"([^\[\]{CONTROL}]{{0,{fields.MAX_KEY - 2}}}[^\s\[\]{CONTROL}])?"
)

TEXT: JsonSchema = {
    "type": "string",
    "minLength": 1,
    "maxLength": fields.MAX_NAME,
    "pattern": FULL_LINE,
}
TAG: JsonSchema = {**TEXT, "maxLength": fields.MAX_TAG}
PHONE: JsonSchema = {
    "type": "string",
    "format": "phone",
    "maxLength": MAX_LENGTH,
    "examples": [EXAMPLE],
}
STRING_VALUE: JsonSchema = {
    "type": "string",
    "maxLength": fields.MAX_VALUE,
    "pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$",
}
NUMBER_VALUE: JsonSchema = {
    "type": "number",
    "minimum": -fields.MAX_INTEGER,
    "maximum": fields.MAX_INTEGER,
}
