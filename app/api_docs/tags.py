"""What is said of the routes of tags over all contacts."""

from app.api_docs.operation import (
    INTEGER,
    PAGINATION,
    STRING,
    Answer,
    Feature,
    Operation,
    array,
    ref,
    shape,
    success,
)
from app.tags.schemas import RenameSchema
from app.web.paging import PageQuery, PageQuerySchema

FEATURE = Feature(
    name="Tags",
    description="Tags over all contacts.",
    operations={
        "tags.get_tags": Operation(
            "List tags",
            "All tags by name, with how many contacts carry each.",
            query=PageQuerySchema(),
            defaults=PageQuery(),
            answers={200: Answer("A page of the list.", ref("TagList"))},
        ),
        "tags.patch_tag": Operation(
            "Rename a tag",
            "On every contact that carries it. Where a tag has the new name already, the two "
            "become one. Answers after the last contact; the same call again waits for the rest.",
            body=RenameSchema(),
            body_types=("application/merge-patch+json", "application/json"),
            answers={200: Answer("The tag has its new name.", ref("RenamedTag"))},
            errors=(404,),
            writes=True,
        ),
        "tags.delete_tag": Operation(
            "Delete a tag",
            "Takes it from every contact. Answers after the last one.",
            answers={200: Answer("No contact carries it.", ref("DeletedTag"))},
            errors=(404, 422),
            writes=True,
        ),
    },
    schemas={
        "Tag": shape(name=STRING, contacts=INTEGER),
        "TagList": success(tags=array(ref("Tag")), pagination=PAGINATION),
        "RenamedTag": success(
            tag=ref("Tag"),
            changed={**INTEGER, "description": "How many contacts carried the old name."},
        ),
        "DeletedTag": success(
            tag=shape(name=STRING, deleted={"const": True}),
            changed={**INTEGER, "description": "How many contacts carried it."},
        ),
    },
    names={
        "name": "The tag's exact name; trimmed, case counts.",
        "limit": "How many tags to answer with.",
        "offset": "How many tags to skip.",
    },
    paths={"name": {"type": "string", "minLength": 1}},
)
