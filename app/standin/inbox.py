"""The inbox: what a webhook brought, and whether its signatures hold, or why they do not."""

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

TOLERANCE = 300  # Seconds, as the libraries of Standard Webhooks have it.
MAX_TEXT = 20_000
MAX_VALUE = 1_000
MAX_HEADERS = 40

VENDOR = "X-AISoule-Signature"
STANDARD = "webhook-signature"

Keys = list[tuple[str, str]]  # Of each webhook its id and a secret that signs now.


def received(db: Database, headers: Headers, body: bytes) -> dict[str, Any]:
    """Return what is kept of a delivery, or of what somebody sent by hand."""
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
            VENDOR: _verdict(keys, lambda: vendor_fault(keys, headers, body)),
            STANDARD: _verdict(keys, lambda: standard_fault(keys, headers, body)),
        },
    }


def _verdict(keys: Keys, check: Any) -> dict[str, Any]:
    if not keys:
        return {"holds": False, "reason": "This server has no webhook, so no secret to check with."}
    signer, reason = check()
    return {"holds": reason is None, "webhook": signer, "reason": reason}


def vendor_fault(keys: Keys, headers: Headers, body: bytes) -> tuple[str | None, str | None]:
    """Return who signed a body by the vendor's rule, and what is wrong with the signature."""
    given = headers.get(VENDOR, "")
    if not given:
        return None, "The header is missing."
    if not given.startswith("sha256="):
        return None, "It must be sha256= and the signature in hex."
    for id, key in keys:
        if _is_same(given, _vendor_signature(key.encode(), body)):
            return id, None
    for id, key in keys:
        for mistake, secret, signed in _mistakes(key, body):
            if _is_same(given.lower(), _vendor_signature(secret, signed)):
                return id, mistake
    id, key = keys[0]
    return None, (
        f"It was made with none of the {len(keys)} secrets of this server's webhooks, or over "
        f"other bytes. With that of {id} it is {_vendor_signature(key.encode(), body)}."
    )


def _mistakes(key: str, body: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Go through what is commonly done wrong: its name, the secret and the bytes signed."""
    yield "It is in capital letters: hex is in small ones here.", key.encode(), body
    bare = key.removeprefix(PREFIX)
    yield f"The key was the secret without {PREFIX}: use all of it.", bare.encode(), body
    yield "The key was the secret decoded: use it as text.", base64.b64decode(bare), body
    yield "A line end was signed with the body.", key.encode(), body + b"\n"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    remade = "The JSON was written anew before it was signed: sign the bytes that are sent."
    for separators in ((",", ":"), (", ", ": ")):
        for ascii in (True, False):
            text = json.dumps(value, separators=separators, ensure_ascii=ascii)
            yield remade, key.encode(), text.encode(errors="replace")


def standard_fault(keys: Keys, headers: Headers, body: bytes) -> tuple[str | None, str | None]:
    """Return who signed by https://www.standardwebhooks.com, and what is wrong with that."""
    missing = [
        name for name in ("webhook-id", "webhook-timestamp", STANDARD) if name not in headers
    ]
    if missing:
        return None, f"Missing: {', '.join(missing)}."
    stamp = headers["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        return None, "webhook-timestamp must be Unix seconds."
    for id, key in keys:
        made = signed_headers([key], headers["webhook-id"], int(stamp), body)[STANDARD]
        if any(_is_same(each, made) for each in headers[STANDARD].split(" ")):
            off = abs(int(stamp) - int(time.time()))
            late = f"The signature holds, but webhook-timestamp is {off} s off the real time."
            return id, late if off > TOLERANCE else None
    return None, _standard_form(headers[STANDARD])


def _standard_form(given: str) -> str:
    for each in given.split(" "):
        version, _, signature = each.partition(",")
        if version != "v1":
            return "Each signature must begin with v1, and go on in base64."
        try:
            base64.b64decode(signature, validate=True)
        except ValueError:  # Not in the form, or not even ASCII.
            return "A signature is not base64."
    return (
        "No signature fits: sign webhook-id, webhook-timestamp and the body with dots between, "
        f"with the secret after {PREFIX} decoded from base64."
    )


def _vendor_signature(key: bytes, body: bytes) -> str:
    return "sha256=" + hmac.digest(key, body, "sha256").hex()


def _is_same(given: str, made: str) -> bool:
    return hmac.compare_digest(given.encode(), made.encode())
