"""Signatures, checked by the library that receivers use."""

import hashlib
import hmac
import json
import time

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from app.webhooks.signing import new_secret, signed_headers

BODY = json.dumps({"event": "contact.created", "data": {"first_name": "प्रिया"}}).encode()


def test_secrets_differ_and_hold_256_bits() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(each.startswith("whsec_") and len(each) == 50 for each in made)


def test_satisfies_the_library_of_standard_webhooks() -> None:
    secret = new_secret()
    headers = signed_headers([secret], "dlv_1", int(time.time()), BODY)
    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)


def test_two_secrets_are_valid_during_a_rotation() -> None:
    new, old = new_secret(), new_secret()
    headers = signed_headers([new, old], "dlv_1", int(time.time()), BODY)
    for secret in (new, old):
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


def test_signs_the_body_as_the_vendor_does() -> None:
    secret = new_secret()
    headers = signed_headers([secret, new_secret()], "dlv_1", 1_780_000_000, BODY)
    expected = hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    assert headers["X-AISoule-Signature"] == f"sha256={expected}"
