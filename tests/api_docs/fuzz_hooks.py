"""Values for the formats that a schema cannot spell out, for schemathesis."""

import phonenumbers
import schemathesis
from hypothesis import strategies as st

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


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leave out wrong data that may be right once it is trimmed and duplicates are gone."""
    if case.meta is None or not case.meta.generation.mode.is_negative:
        return True
    return not (_is_tolerated(case.query) or _is_tolerated(case.body))


def _is_tolerated(value: object) -> bool:
    if isinstance(value, str):
        return value != value.strip()
    if isinstance(value, dict):
        return any(map(_is_tolerated, [*value, *value.values()]))
    if isinstance(value, list):
        return len({repr(each) for each in value}) < len(value) or any(map(_is_tolerated, value))
    return False
