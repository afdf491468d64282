"""Secrets and signatures, by which a receiver verifies a delivery."""

import base64
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"


def new_secret() -> str:
    """Return a secret of 256 random bits in the format of Standard Webhooks."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed_headers(keys: Sequence[str], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign the bytes of a body; `keys` are secrets, newest first.

    The vendor's header carries one signature, made with the newest secret. For the others see
    https://www.standardwebhooks.com, "Signature scheme".
    """
    content = f"{id}.{timestamp}.".encode() + body
    return {
        "X-AISoule-Signature": "sha256=" + hmac.digest(keys[0].encode(), body, "sha256").hex(),
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_standard_signature(key, content) for key in keys),
    }


def _standard_signature(key: str, content: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(raw, content, "sha256")).decode()
