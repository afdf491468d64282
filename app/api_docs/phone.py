"""What is said of the route that explains a phone number."""

from app.api_docs.operation import (
    BOOLEAN,
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

FEATURE = Feature(
    name="Phones",
    description="How a phone number is read.",
    operations={
        "phone.get_phone": Operation(
            "Explain a phone number",
            "Tells how it would be stored, or why not, step by step; stores nothing. Twins are "
            "other numbers that may be the same person, with or without the 9 of mobile numbers "
            "in Brazil and Argentina.",
            answers={200: Answer("What is known of it.", ref("ExplainedPhone"))},
            errors=(404, 422),
        ),
    },
    schemas={
        "ExplainedPhone": success(
            phone=shape(
                input=STRING,
                result={**nullable(STRING), "description": "E.164 without `+`."},
                reason={**nullable(STRING), "description": "Why it would be refused."},
                steps=array(
                    shape(
                        done=STRING,
                        text={**STRING, "description": "The number after this step."},
                    )
                ),
                region={**nullable(STRING), "description": "ISO 3166, `001` where it has none."},
                kind={**nullable(STRING), "description": "Such as `mobile` or `fixed_line`."},
                possible={**BOOLEAN, "description": "Its length fits its country."},
                valid={**BOOLEAN, "description": "Its range is assigned."},
                twins=array(
                    shape(phone=STRING, exists={**BOOLEAN, "description": "Whether it is stored."})
                ),
            )
        )
    },
    names={"input": "A phone number in any spelling."},
    paths={"input": {"type": "string", "minLength": 1}},
)
