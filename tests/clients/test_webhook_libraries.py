"""The Standard Webhooks libraries of Python and Node verify real deliveries."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.clients.tools import PROGRAMS, node_folder
from tests.conftest import StartServer, wait_until

pytestmark = pytest.mark.soak
Delivery = tuple[dict[str, str], str]


@contextmanager
def receiver() -> Iterator[tuple[str, list[Delivery]]]:
    """Accept deliveries, and keep the headers and the raw body of each."""
    received: list[Delivery] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.append((headers, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", received
        finally:
            server.shutdown()
            thread.join()


def verified_by_node(cases: list[tuple[str, Delivery]]) -> list[str | None]:
    """Return the event of each delivery, None if its signature is wrong."""
    folder = node_folder()
    shutil.copy(PROGRAMS / "verify.mjs", folder)
    lines = [
        json.dumps({"secret": secret, "headers": headers, "body": body})
        for secret, (headers, body) in cases
    ]
    done = subprocess.run(
        ["node", "verify.mjs"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def verified_by_python(cases: list[tuple[str, Delivery]]) -> list[str | None]:
    found: list[str | None] = []
    for secret, (headers, body) in cases:
        try:
            event = Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            found.append(None)
        else:
            found.append(event["event"])
    return found


def test_libraries_verify_the_signatures_of_deliveries(start_server: StartServer) -> None:
    server = start_server(environ={"CONTACTS_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1"})
    with receiver() as (url, received), server.session() as session:
        hooks = f"{server.url}/v1/webhooks"
        hook = session.post(hooks, json={"url": url}, timeout=30).json()["webhook"]
        server.post(phone="918856879188", first_name="Zoë 🙂", custom_fields={"plan": "<pro>"})
        wait_until(lambda: len(received) == 1)
        rotated = session.post(f"{hooks}/{hook['id']}/rotate-secret", timeout=30).json()["webhook"]
        session.post(f"{hooks}/{hook['id']}/test", timeout=30)
        wait_until(lambda: len(received) == 2)
    (headers, body), second = received
    secret, new = hook["secret"], rotated["secret"]
    cases = [
        (secret, (headers, body)),
        (secret, second),  # While a secret is rotated, both are used.
        (new, second),
        (new, (headers, body)),
        (secret, (headers, body.replace("pro", "free"))),
        (secret, ({**headers, "webhook-id": "dlv_other"}, body)),
        (secret, ({**headers, "webhook-timestamp": "1780387200"}, body)),
    ]
    expected = ["contact.created", "webhook.test", "webhook.test", None, None, None, None]
    assert verified_by_python(cases) == expected
    assert verified_by_node(cases) == expected
