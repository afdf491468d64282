"""The inbox: verifies the signatures of a received webhook, and says why one is invalid."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

from werkzeug.datastructures import Headers

from app import clock
from app.database import Database
from app.webhooks import store
from app.webhooks.signing import PREFIX, signed_headers

TOLERANCE = 300  # Seconds, as in the libraries of Standard Webhooks.
MAX_TEXT = 20_000
MAX_VALUE = 1_000
MAX_HEADERS = 40

VENDOR = "X-AISoule-Signature"
STANDARD = "webhook-signature"

Keys = list[tuple[str, str]]  # The id of a webhook and a secret that is valid now.


def to_record(db: Database, headers: Headers, body: bytes) -> dict[str, Any]:
    """Return the record of a received request: its headers, its body and its signatures."""
    webhooks = store.list_webhooks(db.connection())
    keys = [(each.id, key) for each in webhooks for key in each.secrets(clock.timestamp())]
    text = body.decode(errors="replace")
    shown = list(headers.items())[:MAX_HEADERS]
    return {
        "at": clock.timestamp(),
        "headers": {name[:MAX_VALUE]: value[:MAX_VALUE] for name, value in shown},
        "body": text[:MAX_TEXT],
        "body_bytes": len(body),
        "signatures": {
            VENDOR: _verdict(keys, lambda: check_vendor(keys, headers, body)),
            STANDARD: _verdict(keys, lambda: check_standard(keys, headers, body)),
        },
    }


def _verdict(keys: Keys, check: Any) -> dict[str, Any]:
    if not keys:
        return {"holds": False, "reason": "This server has no webhook, and so no secret."}
    signer, reason = check()
    return {"holds": reason is None, "webhook": signer, "reason": reason}


def check_vendor(keys: Keys, headers: Headers, body: bytes) -> tuple[str | None, str | None]:
    """Verify the vendor's signature; return the webhook that signed, and the error or None."""
    given = headers.get(VENDOR, "")
    if not given:
        return None, "The header is missing."
    if not given.startswith("sha256="):
        return None, "It must be sha256= followed by the signature in hex."
    for id, key in keys:
        if _is_same(given, _vendor_signature(key.encode(), body)):
            return id, None
    for id, key in keys:
        for mistake, secret, signed in _mistakes(key, body):
            if _is_same(given.lower(), _vendor_signature(secret, signed)):
                return id, mistake
    id, key = keys[0]
    return None, (
        f"It matches none of the {len(keys)} secrets of this server's webhooks, or other bytes "
        f"were signed. With the secret of {id} it is {_vendor_signature(key.encode(), body)}."
    )


def _mistakes(key: str, body: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield common mistakes: a description, the secret used and the bytes signed."""
    yield "It is in upper case: the hex digits must be in lower case.", key.encode(), body
    bare = key.removeprefix(PREFIX)
    yield f"The key was the secret without {PREFIX}: use the whole secret.", bare.encode(), body
    yield "The key was the decoded secret: use the secret as text.", base64.b64decode(bare), body
    yield "A newline was signed after the body.", key.encode(), body + b"\n"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    reencoded = "The JSON was re-encoded before it was signed: sign the bytes that are sent."
    for separators in ((",", ":"), (", ", ": ")):
        for ascii in (True, False):
            text = json.dumps(value, separators=separators, ensure_ascii=ascii)
            yield reencoded, key.encode(), text.encode(errors="replace")


def check_standard(keys: Keys, headers: Headers, body: bytes) -> tuple[str | None, str | None]:
    """Verify a signature by https://www.standardwebhooks.com; return as `check_vendor`."""
    missing = [
        name for name in ("webhook-id", "webhook-timestamp", STANDARD) if name not in headers
    ]
    if missing:
        return None, f"Missing: {', '.join(missing)}."
    stamp = headers["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        return None, "webhook-timestamp must be Unix seconds."
    for id, key in keys:
        expected = signed_headers([key], headers["webhook-id"], int(stamp), body)[STANDARD]
        if any(_is_same(each, expected) for each in headers[STANDARD].split(" ")):
            off = abs(int(stamp) - int(time.time()))
            late = f"The signature is valid, but webhook-timestamp is {off} s off the real time."
            return id, late if off > TOLERANCE else None
    return None, _why_invalid(headers[STANDARD])


def _why_invalid(given: str) -> str:
    for each in given.split(" "):
        version, _, signature = each.partition(",")
        if version != "v1":
            return "Each signature must be v1, followed by base64."
        try:
            base64.b64decode(signature, validate=True)
        except ValueError:  # Other characters than those of base64.
            return "A signature is not base64."
    return (
        "No signature matches: sign webhook-id, webhook-timestamp and the body, joined by dots, "
        f"with the secret after {PREFIX}, decoded from base64."
    )


def _vendor_signature(key: bytes, body: bytes) -> str:
    return "sha256=" + hmac.digest(key, body, "sha256").hex()


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
