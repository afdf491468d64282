"""Values for the formats that a schema cannot spell out, for schemathesis."""

import phonenumbers
import schemathesis
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.contacts.fields import EMAIL, MAX_INTEGER

NUMBERS = sorted(
    {
        f"{number.country_code}{phonenumbers.national_significant_number(number)}"
        for region in ("IN", "US", "GB", "DE", "BR", "MX", "AR", "IT", "FR", "JP")
        for number in [phonenumbers.example_number_for_type(region, 1)]
        if number
    }
)
phones = st.sampled_from(NUMBERS).flatmap(
    lambda digits: st.sampled_from([digits, f"+{digits}", f"00{digits}", f"tel:+{digits}"])
)
schemathesis.openapi.format("phone", phones)
schemathesis.openapi.format(
    "email",
    st.from_regex(r"[a-z][a-z0-9.]{0,10}[a-z0-9]@[a-z]{1,10}\.(com|in|org)", fullmatch=True),
)

schemathesis.openapi.format(
    "uri",
    st.from_regex(
        r"https://[a-z]{1,9}\.(com|in|org)(:(80|443|[2-9][0-9]{3}))?(/[!$-;=?-Z_a-z~]{0,9})?",
        fullmatch=True,
    ),
)


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leave out what a JSON schema cannot tell from what the service takes."""
    if case.meta and case.meta.generation.mode.is_negative:
        return not (_is_tolerated(case.query) or _is_tolerated(case.body))
    return not (isinstance(case.body, dict) and _is_odd_email(case.body.get("email")))


def _is_tolerated(value: object) -> bool:
    """Tell what is right once trimmed or without duplicates, and a float as large as it likes."""
    if isinstance(value, str):
        return value != value.strip()
    if isinstance(value, float):
        return abs(value) > MAX_INTEGER
    if isinstance(value, dict):
        return any(map(_is_tolerated, [*value, *value.values()]))
    if isinstance(value, list):
        return len({repr(each) for each in value}) < len(value) or any(map(_is_tolerated, value))
    return False


def _is_odd_email(value: object) -> bool:
    """Tell what the format `email` allows to some, such as two dots in a row."""
    try:
        return isinstance(value, str) and value != "" and not EMAIL(value)
    except ValidationError:
        return True
