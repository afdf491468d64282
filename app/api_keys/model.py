"""An API key: its scopes, limit, expiry and digest."""

import hashlib
from dataclasses import dataclass

from app import clock

SCOPES = ("contacts:read", "contacts:write", "admin")
DEFAULT_SCOPES = ("contacts:read", "contacts:write")
PREFIX = "ak_live_"
TEST_PREFIX = "ak_test_"  # For the keys of a stand-in.


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret; instants are RFC 3339 in UTC."""

    id: str
    label: str
    scopes: tuple[str, ...]
    rate_limit: int | None
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    last_used_at: str | None = None

    def is_active(self) -> bool:
        return self.revoked_at is None and (
            self.expires_at is None or clock.timestamp() < self.expires_at
        )


def digest(secret: str) -> bytes:
    """Return what is stored of a secret; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()
