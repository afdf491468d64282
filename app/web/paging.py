"""The query of a list that has only the parameters `limit` and `offset`."""

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, post_load

from app.web.fields import digits


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
