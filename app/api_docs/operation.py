"""The classes that describe the routes of a feature."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from marshmallow import Schema

from app.web.fields import JsonSchema

# The optional header of every page of a list.
NEXT_PAGE: Mapping[str, str] = {
    "Link": 'URL of the next page, as `<URL>; rel="next"` (RFC 8288). Absent on the last page.'
}


@dataclass(frozen=True)
class Response:
    """One successful response of a route; `headers` are names in `errors.HEADERS`.

    `sometimes` maps an optional header to when it is present.
    """

    description: str
    schema: JsonSchema | None = None
    headers: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ("application/json",)
    sometimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One route; its path, method and scope come from the application.

    `defaults` has the default values of the `query`. A `body` is described as `application/json`
    alone, also where its route takes a merge patch. `texts` are bodies other than JSON by media
    type. `headers` are names in `errors.REQUEST_HEADERS`. `errors` adds the error statuses of this
    route alone.
    """

    summary: str
    description: str
    responses: Mapping[int, Response]
    query: Schema | None = None
    defaults: object = None
    body: Schema | None = None
    texts: Mapping[str, JsonSchema] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    writes: bool = False


@dataclass(frozen=True)
class Feature:
    """A feature's routes by endpoint, with the schemas of their responses.

    `names` describes every parameter and body field; `paths` has the schemas of path parameters.
    `webhooks` are OpenAPI path items by name: the requests that are sent to receivers.
    """

    name: str
    description: str
    operations: Mapping[str, Operation]
    schemas: Mapping[str, JsonSchema] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, JsonSchema] = field(default_factory=dict)
    webhooks: Mapping[str, JsonSchema] = field(default_factory=dict)
