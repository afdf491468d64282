"""Describes the routes about the API key in use."""

from app.api_docs.json_schema import (
    INSTANT,
    INTEGER,
    STRING,
    array,
    choice,
    constant,
    nullable,
    ref,
    shape,
    success,
)
from app.api_docs.operation import Feature, Operation, Response
from app.api_keys.model import SCOPES

FEATURE = Feature(
    name="Keys",
    description="The API key in use: whether it works and what it may do.",
    operations={
        "api_keys.get_status": Operation(
            "Check the connection",
            "Succeeds if the key is valid, whatever its scopes.",
            responses={200: Response("The service works and the key is valid.", ref("Status"))},
        ),
        "api_keys.get_profile": Operation(
            "Show the key",
            "Returns the scopes, rate limit and expiry of the key in use.",
            responses={200: Response("The key's profile.", ref("Profile"))},
        ),
    },
    schemas={
        "Status": success(status=constant("operational"), version=STRING),
        "Profile": success(
            profile=shape(
                label=STRING,
                scopes=array(choice(*SCOPES)),
                rate_limit={
                    **nullable(INTEGER),
                    "description": "Requests per minute; null if the key has no limit of its own.",
                },
                created_at=INSTANT,
                expires_at=nullable(INSTANT),
                last_used_at={**nullable(INSTANT), "description": "Accurate to the minute."},
            )
        ),
    },
)
