"""Describes the routes about tags of all contacts."""

from app.api_docs.json_schema import INTEGER, PAGINATION, STRING, TRUE, array, ref, shape, success
from app.api_docs.operation import NEXT_PAGE, Feature, Operation, Response
from app.tags.schemas import RenameSchema
from app.web.paging import PageQuery, PageQuerySchema

FEATURE = Feature(
    name="Tags",
    description="Tags of all contacts.",
    operations={
        "tags.get_tags": Operation(
            "List tags",
            "Lists the tags by name, with the number of contacts that have each.",
            query=PageQuerySchema(),
            defaults=PageQuery(),
            responses={200: Response("A page of the list.", ref("TagList"), sometimes=NEXT_PAGE)},
        ),
        "tags.patch_tag": Operation(
            "Rename a tag",
            "Renames the tag on every contact. If a tag with the new name exists, the two are "
            "merged. The response is sent after the last contact. If it is lost, repeat the "
            "request: it waits for the rest.",
            body=RenameSchema(),
            responses={200: Response("The tag was renamed.", ref("RenamedTag"))},
            errors=(404,),
            writes=True,
        ),
        "tags.delete_tag": Operation(
            "Delete a tag",
            "Removes the tag from every contact. The response is sent after the last one.",
            responses={200: Response("The tag was deleted.", ref("DeletedTag"))},
            errors=(404, 422),
            writes=True,
        ),
    },
    schemas={
        "Tag": shape(name=STRING, contacts=INTEGER),
        "TagList": success(tags=array(ref("Tag")), pagination=PAGINATION),
        "RenamedTag": success(
            tag=ref("Tag"),
            changed={**INTEGER, "description": "Number of contacts that had the old name."},
        ),
        "DeletedTag": success(
            tag=shape(name=STRING, deleted=TRUE),
            changed={**INTEGER, "description": "Number of contacts that had the tag."},
        ),
    },
    names={
        "name": "The exact name of the tag; trimmed, case-sensitive.",
        "limit": "Maximum number of tags to return.",
        "offset": "Number of tags to skip.",
    },
    paths={"name": {"type": "string", "minLength": 1}},
)
