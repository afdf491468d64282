"""Webhooks, their deliveries, and the attempts at these."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app import clock
from app.journal.model import CREATED, MERGED, UPDATED, Subject

ACTIVE = "active"
FAILING = "failing"
DISABLED = "disabled"

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"
STATES = (PENDING, DELIVERED, DEAD)

TEST = "webhook.test"
NARROWED = (CREATED, UPDATED, MERGED)  # Events that name the fields that they changed.

MAX_WEBHOOKS = 50
DAYS_OF_DELIVERIES = 7  # For which finished deliveries are kept.
MAX_ANSWER = 1_024


@dataclass(frozen=True)
class Webhook:
    """Who is sent which events, and how far that is; instants are RFC 3339 in UTC.

    `events` None means all, also new ones of later versions. `fields` None means changes of any
    field; `exclude_actor` has ids of API keys whose changes are not sent.
    """

    id: str
    url: str
    label: str
    events: tuple[str, ...] | None
    status: str
    secret: str
    previous_secret: str | None
    previous_until: str | None
    position: int
    created_at: str
    updated_at: str
    fields: tuple[str, ...] | None = None
    exclude_actor: tuple[str, ...] | None = None

    def wants(self, subject: Subject) -> bool:
        """Return whether an event is to be sent, as far as `fields` do not decide."""
        return (self.events is None or subject.event in self.events) and not (
            self.exclude_actor and subject.actor in self.exclude_actor
        )

    def secrets(self, now: str) -> list[str]:
        """Return the secrets that sign at an instant, newest first."""
        previous = self.previous_secret if now < (self.previous_until or "") else None
        return [self.secret, previous] if previous else [self.secret]

    def view(self) -> dict[str, Any]:
        """Return what the API shows: everything but the secrets."""
        return {
            "id": self.id,
            "url": self.url,
            "label": self.label,
            "events": self.events and list(self.events),
            "fields": self.fields and list(self.fields),
            "exclude_actor": self.exclude_actor and list(self.exclude_actor),
            "status": self.status,
            "previous_secret_until": self.previous_until,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


@dataclass(frozen=True)
class Delivery:
    """`number` is the order of deliveries; `attempt` is the number of attempts made."""

    number: int
    id: str
    webhook_id: str
    seq: int | None
    event: str
    state: str
    due: float | None
    attempt: int
    attempted_at: str | None
    status: int | None
    error: str | None
    answer: str | None
    duration_ms: int | None
    created_at: str
    finished_at: str | None

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "event": self.event,
            "seq": self.seq,
            "state": self.state,
            "attempt": self.attempt,
            "attempted_at": self.attempted_at,
            "next_attempt_at": None if self.due is None else _timestamp(self.due),
            "status": self.status,
            "error": self.error,
            "answer": self.answer,
            "duration_ms": self.duration_ms,
            "created_at": self.created_at,
            "finished_at": self.finished_at,
        }


def _timestamp(seconds: float) -> str:
    return clock.timestamp(datetime.fromtimestamp(seconds, UTC))


@dataclass(frozen=True)
class Outcome:
    """The outcome of an attempt: delivered, unless there is an `error`; `final` ends the retries.

    `status` is the HTTP status, `answer` the beginning of the response body.
    """

    status: int | None = None
    error: str | None = None
    answer: str | None = None
    duration_ms: int = 0
    final: bool = False


@dataclass(frozen=True)
class Attempt:
    """An attempt at a delivery, made at the instant `at`."""

    delivery: Delivery
    at: str
    outcome: Outcome
