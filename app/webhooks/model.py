"""Webhooks, their deliveries, and the attempts at these."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app import clock

ACTIVE = "active"
FAILING = "failing"
DISABLED = "disabled"

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"
STATES = (PENDING, DELIVERED, DEAD)

TEST = "webhook.test"

MAX_WEBHOOKS = 50
DAYS_OF_DELIVERIES = 7  # For which finished deliveries are kept.
MAX_ANSWER = 1_024


@dataclass(frozen=True)
class Webhook:
    """`events` None means all, also new ones of later versions; instants are RFC 3339 in UTC."""

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

    def wants(self, event: str) -> bool:
        return self.events is None or event in self.events

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
