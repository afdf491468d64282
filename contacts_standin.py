"""Pytest fixtures that run a stand-in for the Contacts API, to test clients against.

`contacts_standin` is reset before each test, `contacts_standin_session` is not. `running` needs no
pytest. This module imports nothing of the service, which runs in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    import pytest
except ModuleNotFoundError:
    pytest = None  # type: ignore[assignment]

SECONDS_TO_STOP = 20


class StandIn:
    """A running stand-in: its base URL, its key, and the calls that control it."""

    key = "YOUR_API_KEY"

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The last 1,000 requests, newest first, with status and reason of a rejection."""
        return self._call("GET", "requests")["requests"]  # type: ignore[no-any-return]

    @property
    def inbox(self) -> list[dict[str, Any]]:
        """The webhooks received at `inbox_url`, newest first, with the result of each signature."""
        return self._call("GET", "inbox")["deliveries"]  # type: ignore[no-any-return]

    @property
    def inbox_url(self) -> str:
        return f"{self.url}/stand-in/inbox"

    def reset(self) -> None:
        """Return to the state at the start: contacts, limits, faults, requests, inbox and clock."""
        self._call("POST", "reset")

    def fail_next(self, count: int = 1, **fault: Any) -> None:
        """Fail the next requests: `code`, `delay` (seconds) or `drop`, else `code=503`.

        `method`, `path` and `key` select requests. `probability` and `seed` replace `count`.
        """
        if not fault.keys() & {"code", "delay", "drop"}:
            fault["code"] = 503
        if "probability" not in fault:
            fault["count"] = count
        self._call("POST", "faults", fault)

    def advance(self, seconds: float) -> None:
        """Move the server's clock forward: limits, expiry, webhook retries and timestamps."""
        self._call("POST", "clock", {"advance_seconds": seconds})

    def snapshot(self, name: str) -> None:
        """Keep the content of the store under a name, until the server stops."""
        self._call("POST", f"snapshot/{name}")

    def restore(self, name: str) -> None:
        """Put back the content that was kept under a name."""
        self._call("POST", f"restore/{name}")

    def _call(self, method: str, route: str, body: object = None) -> dict[str, Any]:
        # Every run of pytest loads this module; most do not use it.
        import urllib.error
        import urllib.request

        request = urllib.request.Request(
            f"{self.url}/stand-in/{route}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        # The server is on this machine: ignore the proxies of the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.load(response)  # type: ignore[no-any-return]
        except urllib.error.HTTPError as error:
            with error:
                reason = error.read().decode(errors="replace")
            raise AssertionError(f"{method} /stand-in/{route}: {error.code} {reason}") from None


@contextmanager
def running(*options: str) -> Iterator[StandIn]:
    """Run a stand-in on a free port, with further options of `contacts serve`."""
    # The tested project may have a package `app` too. The service's package, beside this module,
    # must come first: before the current folder (-P) and before PYTHONPATH.
    command = [sys.executable, "-P", "-m", "app", "serve", "--stand-in", "--port", "0"]
    environ = {name: text for name, text in os.environ.items() if name[:9] != "CONTACTS_"}
    ours, theirs = str(Path(__file__).parent.absolute()), environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (ours, theirs)))
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=log, text=True, env=environ
        )
        try:
            assert process.stdout
            line = process.stdout.readline()
            if not line.startswith("Stand-in on "):
                process.wait(SECONDS_TO_STOP)
                log.seek(0)
                raise RuntimeError(f"the stand-in did not start: {line}{log.read()}")
            yield StandIn(line.split()[2].rstrip(","))
        finally:
            process.terminate()
            try:
                process.communicate(timeout=SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


if pytest:

    @pytest.fixture(scope="session")
    def contacts_standin_options() -> Sequence[str]:
        """Options for the stand-in, such as `("--demo", "100")`; override it in `conftest.py`."""
        return ()

    @pytest.fixture(scope="session")
    def contacts_standin_session(contacts_standin_options: Sequence[str]) -> Iterator[StandIn]:
        """A stand-in that all tests share, with each other's contacts."""
        with running(*contacts_standin_options) as found:
            yield found

    @pytest.fixture
    def contacts_standin(contacts_standin_session: StandIn) -> StandIn:
        """A stand-in in the state of a fresh start."""
        contacts_standin_session.reset()
        return contacts_standin_session
