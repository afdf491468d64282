"""Builds the container image with docker, podman or buildah, and calls it.

Set `BASE` to build on another base than the Dockerfile's, such as a mirror's.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.error import URLError

from smoke import call, stop_with_a_request_in_flight, total
from wheel import environ, run

NAME = "contacts-service"
PORT = "8799"
URL = f"http://127.0.0.1:{PORT}"
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
MOST_BYTES = 120e6


def engine() -> str:
    """Return the program that builds and runs images here."""
    for name in ("docker", "podman"):
        if (
            shutil.which(name)
            and not subprocess.run((name, "info"), capture_output=True).returncode
        ):
            return name
    if shutil.which("buildah"):
        return "buildah"
    raise SystemExit("release: the image needs docker, podman or buildah: install one")


def build(version: str) -> str:
    """Build the image of this checkout; return its name."""
    name, tool, its = f"{NAME}:{version}", engine(), environ()
    options = [f"SOURCE_COMMIT={its['SOURCE_COMMIT']}"]
    options.append(f"SOURCE_DATE_EPOCH={its['SOURCE_DATE_EPOCH']}")
    if base := os.environ.get("BASE"):
        options.append(f"BASE={base}")
    arguments = [part for option in options for part in ("--build-arg", option)]
    form = () if tool == "docker" else ("--format", "docker")
    # Its output is long: people see it where it fails.
    run(tool, "build", *form, *arguments, "--file", "deploy/Dockerfile", "--tag", name, ".")
    check(tool, name)
    return name


def check(tool: str, name: str) -> None:
    """Serve, check health, write, and stop with a request in flight; raises on a failure."""
    serve = ("serve", "--host", "127.0.0.1", "--port", PORT)
    if tool == "buildah":
        container = run(tool, "from", name).strip()
        started = (tool, "run", container, "--", "/usr/bin/contacts", *serve)
        inside = (tool, "run", container, "--", "/usr/bin/contacts")
    else:
        container = f"contacts-smoke-{os.getpid()}"
        where = ("--name", container, "--network", "host", "--tmpfs", "/tmp")
        started = (tool, "run", "--rm", *where, *HARDENED, name, *serve)
        inside = (tool, "exec", container, "/usr/bin/contacts")
        size = int(run(tool, "image", "inspect", "--format", "{{.Size}}", name))
        assert size <= MOST_BYTES, f"the image has {size / 1e6:.0f} MB"
    with subprocess.Popen(started, text=True, stdout=subprocess.PIPE) as process:
        try:
            wait_until(process, lambda: "ready" in call(f"{URL}/readyz"))
            run(*inside, "ready", "--port", PORT)
            key = run(*inside, "keys", "create", "--label", "smoke").strip()
            call(f"{URL}/v1/contacts", key, {"phone": "918856879188"})
            assert total(URL, key) == 1
            stop_with_a_request_in_flight(URL, key, "918856012345", process)
        finally:
            process.terminate()
            process.communicate(timeout=60)
            if tool == "buildah":
                run(tool, "rm", container)
    # `buildah run` passes the signal on, and then has a status of its own.
    assert process.returncode == 0 or tool == "buildah", f"it ended with {process.returncode}"


def wait_until(process: "subprocess.Popen[str]", is_true: Callable[[], bool]) -> None:
    """Ask until the server answers; raises if it ends, or after a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            assert is_true()
            return
        except (URLError, ConnectionError):
            assert process.poll() is None, f"it ended with {process.returncode}"
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.1)


if __name__ == "__main__":
    check(engine(), sys.argv[1])
    sys.stdout.write(f"{sys.argv[1]} serves, is healthy, and stops without losing a request\n")
