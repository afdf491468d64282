"""What a check is: one behaviour in `docs/fidelity.md`, and the function that verifies it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.conformance.api import Answer, Api

DOCUMENTED = "documented"
CONTRADICTED = "contradicted"
ASSUMED = "assumed"


class Differs(Exception):
    """The server behaves differently; the text says how, and quotes no contact."""


class Skipped(Exception):
    """The behaviour cannot be verified; the text says why."""


@dataclass(frozen=True)
class Check:
    """`name` is a row of `docs/fidelity.md`, `ground` the table that holds the row."""

    name: str
    ground: str
    verify: Callable[[Api], None]


@dataclass(frozen=True)
class Finding:
    """`state` is `same`, `differs` or `skipped`."""

    name: str
    ground: str
    state: str
    text: str = ""


def run(checks: Sequence[Check], api: Api) -> Iterator[Finding]:
    """Run the checks against a server. Raises `StartError` if it cannot be reached."""
    for check in checks:
        try:
            check.verify(api)
        except (Differs, Skipped) as result:
            state = "differs" if isinstance(result, Differs) else "skipped"
            yield Finding(check.name, check.ground, state, str(result))
        else:
            yield Finding(check.name, check.ground, "same")


def collector(into: list[Check], ground: str) -> Callable[[str], Callable[[Any], Any]]:
    """Return a decorator that adds a function to the checks, with its name."""

    def named(name: str) -> Callable[[Any], Any]:
        def add(verify: Callable[[Api], None]) -> Callable[[Api], None]:
            into.append(Check(name, ground, verify))
            return verify

        return add

    return named


def expect_status(answer: Answer, *statuses: int) -> None:
    if answer.status not in statuses:
        raise Differs(f"returns {answer.status}, not {' or '.join(map(str, statuses))}")


def expect_failure(answer: Answer, status: int, code: str) -> None:
    """Expect the documented error envelope."""
    expect_status(answer, status)
    if not isinstance(answer.body, dict) or answer.body.get("success") is not False:
        raise Differs('the body has no "success": false')
    if answer.code != code:
        raise Differs(f"error.code is {answer.code!r}, not {code!r}")


def listed(answer: Answer) -> list[dict[str, Any]]:
    """Return the contacts of a list response."""
    expect_status(answer, 200)
    contacts = answer.body.get("contacts") if isinstance(answer.body, dict) else None
    if not isinstance(contacts, list) or not all(isinstance(each, dict) for each in contacts):
        raise Differs("the body has no array of contacts")
    return contacts


def page(answer: Answer) -> dict[str, int]:
    """Return the pagination of a list response."""
    listed(answer)
    found = answer.body.get("pagination")
    if not isinstance(found, dict) or list(found) != ["total", "limit", "offset"]:
        raise Differs("pagination is not total, limit and offset, in this order")
    if not all(type(value) is int for value in found.values()):
        raise Differs("pagination has a value that is not a whole number")
    return found
