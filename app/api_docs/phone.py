"""Describes the route that explains a phone number."""

from app.api_docs.json_schema import BOOLEAN, STRING, array, nullable, ref, shape, success
from app.api_docs.operation import Feature, Operation, Response

FEATURE = Feature(
    name="Phones",
    description="How the service reads a phone number.",
    operations={
        "phone.get_phone": Operation(
            "Explain a phone number",
            "Shows step by step how a number would be stored, or why it is rejected. Stores "
            "nothing. Twins are other numbers that may belong to the same person, with or without "
            "the 9 of mobile numbers in Brazil and Argentina.",
            responses={
                200: Response(
                    "The number explained, whether it is accepted or not.", ref("ExplainedPhone")
                )
            },
            errors=(404, 422),
        ),
    },
    schemas={
        "ExplainedPhone": success(
            phone=shape(
                input=STRING,
                result={**nullable(STRING), "description": "E.164 without `+`."},
                reason={**nullable(STRING), "description": "Why the number is rejected."},
                steps=array(
                    shape(
                        done=STRING,
                        text={**STRING, "description": "The number after this step."},
                    )
                ),
                region={
                    **nullable(STRING),
                    "description": "ISO 3166 code; `001` for numbers of no country.",
                },
                kind={
                    **nullable(STRING),
                    "description": "Kind of number, such as `mobile` or `fixed_line`.",
                },
                possible={**BOOLEAN, "description": "Whether the length fits the country."},
                valid={**BOOLEAN, "description": "Whether the range is assigned."},
                twins=array(
                    shape(
                        phone=STRING,
                        exists={**BOOLEAN, "description": "Whether a contact has this number."},
                    )
                ),
            )
        )
    },
    names={"input": "A phone number in any spelling."},
    paths={"input": {"type": "string", "minLength": 1}},
)
