"""What is said of the changes feed."""

from app.api_docs.events import EVENTS
from app.api_docs.operation import (
    INSTANT,
    INTEGER,
    Answer,
    Feature,
    JsonSchema,
    Operation,
    array,
    ref,
    shape,
    success,
)
from app.journal.schemas import ChangesQuery, ChangesQuerySchema


def _event(event: str, data: JsonSchema) -> JsonSchema:
    return shape(
        seq={**INTEGER, "description": "Its number, in the order of commits."},
        event={"const": event},
        timestamp=INSTANT,
        data=data,
    )


FEATURE = Feature(
    name="Changes",
    description="Every change in order, for whoever keeps a copy or reacts.",
    operations={
        "journal.get_changes": Operation(
            "Follow changes",
            "The next events after a number. Go on with `after` = `next_after`: nothing is missed, "
            "and nothing comes twice. 410 says that events are kept no longer, and where to start "
            "over.",
            query=ChangesQuerySchema(),
            defaults=ChangesQuery(),
            answers={
                200: Answer(
                    "The next events, if there are any.",
                    ref("ChangeList"),
                    sometimes={
                        "Retry-After": "There where too many wait already: ask again after so many "
                        "seconds."
                    },
                )
            },
            errors=(410,),
        ),
    },
    schemas={
        "ChangeList": success(
            changes=array(ref("Change")),
            next_after={**INTEGER, "description": "The `after` of the next call."},
        ),
        "Change": {"anyOf": [_event(event, data) for event, (_, data) in EVENTS.items()]},
    },
    names={
        "after": "The number of the last event that is known; left out, it starts with the oldest "
        "there is.",
        "limit": "How many events to answer with, at most: fewer where they are large.",
        "wait": "So many seconds the answer may wait for an event.",
        "types": "The events to answer with; all where it is left out.",
    },
)
