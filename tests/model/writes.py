"""The writes of the model, by the contract alone."""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.contacts.phone import normalise
from tests.model.reads import NAMES, Entry, Reads, View, is_blank, line


class Refused(Exception):
    """The service responds with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Change:
    before: View | None
    after: View
    changed: list[str]


def distinct(tags: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(map(line, tags)))


def typed(value: Any) -> tuple[type, Any]:
    """Return a value with its type: in JSON 1, 1.0 and true are three values."""
    return type(value), value


def state(view: View) -> str:
    return json.dumps(view, sort_keys=True)


class Model(Reads):
    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 6, 2, 8, tzinfo=UTC)
        self.arrived = 0

    def pass_time(self, seconds: int) -> None:
        """Let time pass, at least a microsecond, so that no two writes are at the same instant."""
        self.now += timedelta(seconds=seconds, microseconds=1)

    def get(self, id: str) -> Entry:
        if entry := self.known(id):
            return entry
        raise Refused(404)

    def upsert(self, body: Mapping[str, Any], *, dry_run: bool = False) -> Change:
        entry = self.known(body["phone"])
        start = entry.view if entry else self._blank(normalise(body["phone"]))
        after = deepcopy(start)
        after |= {name: line(body[name]) for name in NAMES if line(body.get(name) or "")}
        if body.get("tags") is not None:
            after["tags"] = distinct(body["tags"])
        added, removed = (distinct(body.get(name) or ()) for name in ("add_tags", "remove_tags"))
        after["tags"] = [each for each in distinct([*after["tags"], *added]) if each not in removed]
        given = (body.get("custom_fields") or {}).items()
        after["custom_fields"] |= {line(key): value for key, value in given if not is_blank(value)}
        change = self._change(start, after)
        if not entry:
            change = Change(None, change.after, change.changed)
        if not dry_run and not entry:
            self.arrived += 1
            self.entries[after["phone"]] = Entry(self.arrived, change.after, self.now)
        elif not dry_run and entry:
            self._store(entry, change)
        return change

    def patch(self, id: str, body: Mapping[str, Any]) -> Change:
        after = deepcopy(self.get(id).view)
        after |= {name: line(body[name] or "") or None for name in NAMES if name in body}
        if "tags" in body:
            after["tags"] = distinct(body["tags"] or [])
        fields = body.get("custom_fields", {})
        merged = after["custom_fields"] | {line(key): fields[key] for key in fields or ()}
        kept = {key: value for key, value in merged.items() if not is_blank(value)}
        after["custom_fields"] = {} if fields is None else kept
        return self._edit(id, after)

    def add_tags(self, id: str, tags: Iterable[str]) -> Change:
        after = deepcopy(self.get(id).view)
        after["tags"] = distinct([*after["tags"], *tags])
        return self._edit(id, after)

    def remove_tag(self, id: str, tag: str) -> Change:
        after = deepcopy(self.get(id).view)
        if line(tag) not in self.tags():
            raise Refused(404)
        after["tags"] = [each for each in after["tags"] if each != line(tag)]
        return self._edit(id, after)

    def merge(self, id: str, other_id: str) -> Change:
        entry, other = self.get(id), self.get(other_id)
        if other is entry and normalise(other_id.removeprefix("cnt_")) == entry.view["phone"]:
            raise Refused(409)
        after = deepcopy(entry.view)
        after |= {name: after[name] or other.view[name] for name in NAMES}
        after["tags"] = distinct(after["tags"] + other.view["tags"])
        after["custom_fields"] = other.view["custom_fields"] | after["custom_fields"]
        if other is not entry:
            moved = [phone for phone, survivor in self.aliases.items() if survivor is other]
            self.aliases |= dict.fromkeys([*moved, other.view["phone"]], entry)
            del self.entries[other.view["phone"]]
        return self._edit(id, after)

    def delete(self, id: str) -> Entry:
        entry = self.get(id)
        del self.entries[entry.view["phone"]]
        self.aliases = {
            phone: survivor for phone, survivor in self.aliases.items() if survivor is not entry
        }
        return entry

    def _blank(self, phone: str) -> View:
        unset = {"first_name": None, "last_name": None, "email": None, "tags": []}
        times = {"created_at": self.timestamp(), "updated_at": self.timestamp()}
        return {"id": f"cnt_{phone}", "phone": phone, **unset, "custom_fields": {}, **times}

    def timestamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _edit(self, id: str, after: View) -> Change:
        entry = self.get(id)
        change = self._change(entry.view, after)
        self._store(entry, change)
        return change

    def _store(self, entry: Entry, change: Change) -> None:
        if change.changed:
            entry.view, entry.changed_at = change.after, self.now

    def _change(self, before: View, after: View) -> Change:
        changed = [name for name in (*NAMES, "tags") if before[name] != after[name]]
        old, new = before["custom_fields"], after["custom_fields"]
        changed += [
            f"custom_fields.{key}"
            for key in {**old, **new}
            if typed(old.get(key)) != typed(new.get(key))
        ]
        if not changed:
            return Change(before, before, [])
        return Change(before, after | {"updated_at": self.timestamp()}, changed)
