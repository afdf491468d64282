"""Simulated errors: the `Prefer` header that asks for one, and rules for clients without it."""

import hashlib
import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.errors import Conflict

MAX_RULES = 100
MAX_DELAY = 60.0  # Seconds.

Rule = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What happens to one request; `code` is a status to return instead of the real response."""

    code: int | None = None
    delay: float = 0.0
    drop: bool = False

    def __str__(self) -> str:
        """Return it as a `Prefer` header has it."""
        parts = (
            f"code={self.code}" if self.code else "",
            f"delay={self.delay:g}" if self.delay else "",
            "drop" if self.drop else "",
        )
        return ", ".join(filter(None, parts)) or "delay=0"


class InvalidFault(ValueError):
    """A fault that cannot be simulated; its text says what can."""


def parse_prefer(header: str) -> Fault | None:
    """Return what a `Prefer` header (RFC 7240) asks for; other preferences are ignored.

    Raises `InvalidFault`.
    """
    found: dict[str, Any] = {}
    for part in header.split(","):
        name, _, value = (each.strip() for each in part.partition(";")[0].partition("="))
        value = value.strip('"')
        match name.lower():
            case "code":
                found["code"] = check_code(int(value) if re.fullmatch("[0-9]{3}", value) else value)
            case "delay":
                number = re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", value)
                found["delay"] = check_delay(float(value) if number else value)
            case "drop":
                found["drop"] = True
    return Fault(**found) if found else None


def check_code(value: object) -> int:
    """Return a status to respond with. Raises `InvalidFault`."""
    if type(value) is int and 400 <= value <= 599:
        return value
    raise InvalidFault("code must be a status from 400 to 599, such as code=503.")


def check_delay(value: object) -> float:
    """Return a delay in seconds. Raises `InvalidFault`."""
    if isinstance(value, int | float) and type(value) is not bool and 0 <= value <= MAX_DELAY:
        return float(value)
    raise InvalidFault(f"delay must be seconds from 0 to {MAX_DELAY:g}, such as delay=2.5.")


def digest(key: str) -> str:
    """Return the form in which a rule stores an API key."""
    return hashlib.sha256(key.encode()).hexdigest()


class Rules:
    """The rules, in their order; all threads may use it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> Rule:
        """Add a rule after the others. Raises `Conflict` if there are too many."""
        with self._lock:
            rules = [each for each in self._rules if each["left"] != 0]
            if len(rules) >= MAX_RULES:
                raise Conflict("There are too many rules: DELETE /stand-in/faults removes them.")
            number = 1 + max((each["id"] for each in rules), default=0)
            added = {"id": number, **rule, "left": rule["count"], "met": 0, "played": 0}
            self._rules = [*rules, added]
            return dict(added)

    def all(self) -> list[Rule]:
        with self._lock:
            return [dict(each) for each in self._rules]

    def clear(self) -> None:
        with self._lock:
            self._rules = []

    def next_fault(self, matches: Callable[[Rule], bool]) -> Fault | None:
        """Count a request that some rules match; return the fault of the first that is due."""
        if not self._rules:
            return None
        with self._lock:
            for rule in filter(matches, self._rules):
                if _is_due(rule):
                    return Fault(rule["code"], rule["delay"], rule["drop"])
        return None


def _is_due(rule: Rule) -> bool:
    """Count a request for a rule; the same requests in the same order get the same results."""
    if rule["left"] == 0:
        return False
    rule["met"] += 1
    chance = random.Random(f"{rule['seed']}:{rule['met']}").random()
    if rule["probability"] is not None and chance >= rule["probability"]:
        return False
    rule["played"] += 1
    if rule["left"] is not None:
        rule["left"] -= 1
    return True
