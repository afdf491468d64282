"""Describes the routes about segments."""

from app.api_docs.json_schema import (
    INSTANT,
    INTEGER,
    PAGINATION,
    STRING,
    TRUE,
    array,
    ref,
    shape,
    success,
)
from app.api_docs.operation import NEXT_PAGE, Feature, Operation, Response
from app.segments.model import MAX_NAME, MAX_SEGMENTS, STATES
from app.segments.schemas import SegmentSchema
from app.web.fields import FULL_LINE
from app.web.paging import PageQuery, PageQuerySchema

FEATURE = Feature(
    name="Segments",
    description="Saved filters that react: events say who enters and who leaves.",
    operations={
        "segments.get_segments": Operation(
            "List segments",
            "Lists all segments, ordered by name, with the number of their contacts.",
            query=PageQuerySchema(),
            defaults=PageQuery(),
            responses={
                200: Response("A page of the list.", ref("SegmentList"), sometimes=NEXT_PAGE)
            },
        ),
        "segments.put_segment": Operation(
            "Make or change a segment",
            "Saves a filter under a name. From then on each write that moves a contact in or out "
            "appends `segment.entered` or `segment.left`. Contacts that are in it already, or that "
            "the change moves, get no events, unless `notify` is true. A large store is tested "
            f"in the background: see `state`. There can be at most {MAX_SEGMENTS} segments.",
            body=SegmentSchema(),
            responses={
                200: Response("The segment existed.", ref("OneSegment")),
                201: Response("The segment is new.", ref("OneSegment")),
            },
            errors=(409,),
            writes=True,
        ),
        "segments.get_segment": Operation(
            "Show a segment",
            "Returns one segment with its filter and the number of its contacts.",
            responses={200: Response("The segment.", ref("OneSegment"))},
            errors=(404, 422),
        ),
        "segments.delete_segment": Operation(
            "Delete a segment",
            "Deletes the segment, not its contacts. Appends one `segment.deleted` event, and none "
            "for each contact.",
            responses={200: Response("The segment was deleted.", ref("DeletedSegment"))},
            errors=(404, 422),
            writes=True,
        ),
    },
    schemas={
        "Segment": shape(
            name=STRING,
            filter=ref("Filter"),
            contacts={**INTEGER, "description": "Number of contacts in it, as far as it is built."},
            state={
                "type": "string",
                "enum": list(STATES),
                "description": "`building` while stored contacts are tested after the filter was "
                "set. Lists of the segment are then incomplete; events are not.",
            },
            progress={
                "type": "number",
                "description": "Part of the contacts that is tested, from 0 to 1.",
            },
            created_at=INSTANT,
            updated_at=INSTANT,
        ),
        "OneSegment": success(segment=ref("Segment")),
        "DeletedSegment": success(segment=shape(name=STRING, deleted=TRUE)),
        "SegmentList": success(segments=array(ref("Segment")), pagination=PAGINATION),
    },
    names={
        "name": f"Name of the segment, 1 to {MAX_NAME} characters; case-sensitive.",
        "filter": "The filter, as in searches. It cannot name another segment.",
        "notify": "Send events for contacts that the new filter moves too.",
        "limit": "Maximum number of segments to return.",
        "offset": "Number of segments to skip.",
    },
    paths={"name": {**STRING, "maxLength": MAX_NAME, "pattern": FULL_LINE}},
)
