"""The words in which a feature's routes are described."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from marshmallow import Schema

from app.web.fields import JsonSchema as JsonSchema

STRING: JsonSchema = {"type": "string"}
BOOLEAN: JsonSchema = {"type": "boolean"}
INTEGER: JsonSchema = {"type": "integer"}
INSTANT: JsonSchema = {"type": "string", "format": "date-time"}


@dataclass(frozen=True)
class Answer:
    """One status that a route answers with; `headers` are names in `errors.HEADERS`.

    `sometimes` says when a header comes that not all of these answers have.
    """

    description: str
    schema: JsonSchema | None = None
    headers: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ("application/json",)
    sometimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One route; what its guard, its path and its method tell is not repeated here.

    `defaults` gives the values of the `query` that are left out; `rule` is what the fields of the
    `body` must be together. `texts` are bodies other than JSON by media type. `headers` are names
    in `errors.REQUEST_HEADERS`. `errors` adds the statuses that only this route answers with.
    """

    summary: str
    description: str
    answers: Mapping[int, Answer]
    query: Schema | None = None
    defaults: object = None
    body: Schema | None = None
    rule: JsonSchema = field(default_factory=dict)
    texts: Mapping[str, JsonSchema] = field(default_factory=dict)
    body_types: tuple[str, ...] = ("application/json",)
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    writes: bool = False


@dataclass(frozen=True)
class Feature:
    """A feature's routes by endpoint, the shapes in their answers, and what its words mean.

    `names` describes every parameter and field of a body, `paths` the parameters of a path.
    `webhooks` are path items of OpenAPI by name: what is sent to others.
    """

    name: str
    description: str
    operations: Mapping[str, Operation]
    schemas: Mapping[str, JsonSchema] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, JsonSchema] = field(default_factory=dict)
    webhooks: Mapping[str, JsonSchema] = field(default_factory=dict)


def ref(name: str) -> JsonSchema:
    """Refer to a shape by its name in `Feature.schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def shape(optional: Mapping[str, JsonSchema] | None = None, /, **fields: JsonSchema) -> JsonSchema:
    """Describe an object that has all the `fields`, perhaps the `optional` ones, and no others."""
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
    return shape(optional, success={"const": True}, **fields)


PAGINATION: JsonSchema = shape(total=INTEGER, limit=INTEGER, offset=INTEGER)


def array(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def nullable(schema: JsonSchema) -> JsonSchema:
    return {**schema, "type": [schema["type"], "null"]}
