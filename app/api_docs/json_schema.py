"""Short names for JSON Schema, in which the API documentation is written."""

from collections.abc import Mapping

from app.web.fields import JsonSchema as JsonSchema

STRING: JsonSchema = {"type": "string"}
BOOLEAN: JsonSchema = {"type": "boolean"}
# Without `const`: openapi-generator compares it with the string "true".
TRUE: JsonSchema = {**BOOLEAN, "description": "Always true."}
INTEGER: JsonSchema = {"type": "integer", "format": "int64"}
INSTANT: JsonSchema = {"type": "string", "format": "date-time"}


def constant(value: str) -> JsonSchema:
    """Describe one string, with its type: generators of clients need it."""
    return {"type": "string", "const": value}


def choice(*values: str) -> JsonSchema:
    """Describe one of some strings."""
    return {"type": "string", "enum": list(values)}


def ref(name: str) -> JsonSchema:
    """Refer to a schema by its name in `Feature.schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def shape(optional: Mapping[str, JsonSchema] | None = None, /, **fields: JsonSchema) -> JsonSchema:
    """Describe an object with required `fields`, `optional` ones, and no others."""
    return {
        "type": "object",
        "properties": {**fields, **(optional or {})},
        "required": list(fields),
        "additionalProperties": False,
    }


def success(
    optional: Mapping[str, JsonSchema] | None = None, /, **fields: JsonSchema
) -> JsonSchema:
    """Describe the envelope of success around `fields`."""
    return shape(optional, success=TRUE, **fields)


PAGINATION: JsonSchema = shape(total=INTEGER, limit=INTEGER, offset=INTEGER)


def array(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def nullable(schema: JsonSchema) -> JsonSchema:
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, **enum, "type": [schema["type"], "null"]}
