"""Faults that are played: what a client asks for by itself, and rules for clients that cannot."""

import hashlib
import json
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.standin.files import held

MOST_RULES = 100
MOST_SECONDS = 60.0

Rule = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What happens to one request; `code` is the status answered in place of the real answer."""

    code: int | None = None
    delay: float = 0.0
    drop: bool = False

    def __str__(self) -> str:
        parts = [f"code={self.code}" if self.code else "", f"delay={self.delay:g}"]
        return ", ".join(
            [each for each in parts if each and each != "delay=0"] + ["drop"] * self.drop
        )


class BadFault(ValueError):
    """A fault that cannot be played; its text says what can."""


def preferred(header: str) -> Fault | None:
    """Return what a `Prefer` header asks for (RFC 7240); preferences of others are ignored.

    Raises `BadFault`.
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
    if type(value) is int and 400 <= value <= 599:
        return value
    raise BadFault("code must be a status from 400 to 599, such as code=503.")


def check_delay(value: object) -> float:
    if isinstance(value, int | float) and type(value) is not bool and 0 <= value <= MOST_SECONDS:
        return float(value)
    raise BadFault(f"delay must be seconds from 0 to {MOST_SECONDS:g}, such as delay=2.5.")


def digest(key: str) -> str:
    """Return what a rule keeps of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


class Rules:
    """The rules of all processes, in a file; each request takes the first that plays."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, rule: Rule) -> Rule | None:
        """Add a rule after the others; None where there are too many."""
        with held(self._path) as file:
            kept = [each for each in _read(file) if each["left"] != 0]
            if len(kept) >= MOST_RULES:
                return None
            number = 1 + max((each["id"] for each in kept), default=0)
            added = {"id": number, **rule, "left": rule["count"], "met": 0, "played": 0}
            _write(file, [*kept, added])
            return added

    def all(self) -> list[Rule]:
        with held(self._path) as file:
            return _read(file)

    def clear(self) -> None:
        with held(self._path) as file:
            os.truncate(file, 0)

    def play(self, applies: Callable[[Rule], bool]) -> Fault | None:
        """Return the fault of the first rule that applies and whose turn it is."""
        if not self._path.exists() or not self._path.stat().st_size:
            return None
        with held(self._path) as file:
            rules = _read(file)
            for rule in filter(applies, rules):
                if _is_its_turn(rule):
                    _write(file, rules)
                    return Fault(rule["code"], rule["delay"], rule["drop"])
            _write(file, rules)
        return None


def _is_its_turn(rule: Rule) -> bool:
    """Count a request that a rule met; the same requests in the same order fare the same."""
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


def _read(file: int) -> list[Rule]:
    text = os.pread(file, 1_000_000, 0)
    return list(json.loads(text)) if text else []


def _write(file: int, rules: list[Rule]) -> None:
    text = json.dumps(rules).encode()
    os.pwrite(file, text, 0)
    os.truncate(file, len(text))
