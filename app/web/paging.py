"""Pages of lists: the parameters `limit` and `offset`, and the link to the next page."""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, unquote_plus

from flask import Response
from marshmallow import Schema, post_load

from app.web.addresses import public_url
from app.web.fields import digits
from app.web.requests import current
from app.web.responses import success

# What the query of a link keeps as it was sent. Everything else is percent-encoded (RFC 3986), `,`
# and `;` too: some clients split the Link header there.
_SAFE = "!$%&'()*+/:=?@[]~"


@dataclass(frozen=True)
class PageQuery:
    limit: int = 20
    offset: int = 0


class PageQuerySchema(Schema):
    limit = digits(1, 100)
    offset = digits(0, 2**31 - 1)

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> PageQuery:
        return PageQuery(**data)


def page_response(content: dict[str, Any], total: int, *, limit: int, offset: int) -> Response:
    """Return a page by offset of a list with `total` entries."""
    pagination = {"total": total, "limit": limit, "offset": offset}
    response = success({**content, "pagination": pagination})
    if offset + limit < total:
        link_next(response, "offset", offset + limit)
    return response


def link_next(response: Response, parameter: str, value: str | int) -> None:
    """Link to the next page (RFC 8288): the URL of this request with another `parameter`."""
    request = current()
    url = public_url(request.environ, request.service.settings.trusted_proxies)
    target = _target(request.path, request.query_string, parameter, value)
    response.headers.add("Link", f'<{url}{target}>; rel="next"')


@lru_cache(maxsize=256)
def _target(path: str, query_string: bytes, parameter: str, value: str | int) -> str:
    query = map(partial(quote, safe=_SAFE), query_string.split(b"&"))
    kept = [each for each in query if each and _name(each) != parameter]
    return f"{quote(path)}?{'&'.join([*kept, f'{parameter}={value}'])}"


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])
