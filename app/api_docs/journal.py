"""Describes the changes feed."""

from app.api_docs.events import EVENTS, SCHEMAS, model_name
from app.api_docs.json_schema import (
    INSTANT,
    INTEGER,
    STRING,
    JsonSchema,
    array,
    constant,
    nullable,
    ref,
    shape,
    success,
)
from app.api_docs.operation import NEXT_PAGE, Feature, Operation, Response
from app.contacts.schemas import HistoryQuery, HistoryQuerySchema
from app.journal.schemas import ChangesQuery, ChangesQuerySchema


def _event(event: str, data: JsonSchema) -> JsonSchema:
    return shape(
        seq={**INTEGER, "description": "Sequence number; events are numbered in commit order."},
        event=constant(event),
        timestamp=INSTANT,
        actor={
            **nullable(STRING),
            "description": "Id of the API key that made the change; null for a command.",
        },
        data=data,
    )


FEATURE = Feature(
    name="Changes",
    description="Every change in order, to keep a copy up to date or react to events.",
    operations={
        "journal.get_changes": Operation(
            "Follow changes",
            "Returns the events after a sequence number. Continue with `after` set to "
            "`next_after`: no event is missed or repeated. Status 410 means that the next events "
            "have been removed; its message says where to start over.",
            query=ChangesQuerySchema(),
            defaults=ChangesQuery(),
            responses={
                200: Response(
                    "The next events; the list can be empty.",
                    ref("ChangeList"),
                    sometimes={
                        **NEXT_PAGE,
                        "Retry-After": "Present if too many requests are waiting already: seconds "
                        "until the next request.",
                    },
                )
            },
            errors=(410,),
        ),
        "history.get_contact_history": Operation(
            "Show the history of a contact",
            "Returns the events of one contact, newest first, those of contacts that were merged "
            "into it included. Continue with `cursor` set to `next_cursor` until that is null.",
            query=HistoryQuerySchema(),
            defaults=HistoryQuery(),
            responses={
                200: Response("A page of the history.", ref("ContactHistory"), sometimes=NEXT_PAGE)
            },
            errors=(404,),
        ),
    },
    schemas={
        "ChangeList": success(
            changes=array(ref("Change")),
            next_after={**INTEGER, "description": "The `after` of the next request."},
        ),
        "ContactHistory": success(
            history=array(ref("Change")),
            pagination=shape(
                limit=INTEGER,
                next_cursor={
                    **nullable(STRING),
                    "description": "The `cursor` of the next page; null at the end.",
                },
            ),
        ),
        "Change": {"anyOf": [ref(model_name(event)) for event in EVENTS]},
        **{model_name(event): _event(event, data) for event, (_, data) in EVENTS.items()},
        **SCHEMAS,
    },
    names={
        "after": "Sequence number of the last event that you have. Default: start with the oldest "
        "event.",
        "limit": "Maximum number of events to return. Fewer are returned if they are large.",
        "wait": "Seconds to wait for an event if there is none.",
        "id": "`cnt_` and the phone number, or the phone number in any accepted spelling.",
        "cursor": "Cursor of the page: `start`, which is the default, then `next_cursor`.",
        "types": "Types of events to return. Default: all.",
    },
    paths={"id": {"type": "string", "minLength": 1}},
)
