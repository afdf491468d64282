"""What is said of the routes of API keys."""

from app.api_docs.operation import (
    INSTANT,
    INTEGER,
    STRING,
    Answer,
    Feature,
    Operation,
    array,
    nullable,
    ref,
    shape,
    success,
)
from app.api_keys.model import SCOPES

FEATURE = Feature(
    name="Keys",
    description="What a key can learn about the service and itself.",
    operations={
        "api_keys.get_status": Operation(
            "Check the connection",
            "Answers if the key is valid, whatever its scopes.",
            answers={200: Answer("The service works and the key is valid.", ref("Status"))},
        ),
        "api_keys.get_profile": Operation(
            "Show the key",
            "Tells what the key in use may do, and until when.",
            answers={200: Answer("The key's profile.", ref("Profile"))},
        ),
    },
    schemas={
        "Status": success(status={"const": "operational"}, version=STRING),
        "Profile": success(
            profile=shape(
                label=STRING,
                scopes=array({"enum": list(SCOPES)}),
                rate_limit={
                    **nullable(INTEGER),
                    "description": "Requests a minute; null where there is no limit of its own.",
                },
                created_at=INSTANT,
                expires_at=nullable(INSTANT),
                last_used_at={**nullable(INSTANT), "description": "To the minute."},
            )
        ),
    },
)
