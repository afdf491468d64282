"""The command `contacts`: handles Ctrl-C and SIGTERM, then imports the commands and runs one."""

import os
import signal
import sys

STOPPING = (signal.SIGINT, signal.SIGTERM)


class _Signals:
    """Raises `KeyboardInterrupt` on SIGINT and SIGTERM while a command runs.

    Before and after, while Python imports modules or shuts down, it ends the process at once: an
    exception there would print a traceback.
    """

    def __init__(self) -> None:
        self.is_running = False
        self.received: int = signal.SIGINT
        for each in STOPPING:
            signal.signal(each, self._receive)

    def _receive(self, number: int, _: object) -> None:
        if not self.is_running:
            os._exit(128 + number)
        self.received = number
        raise KeyboardInterrupt


def main() -> None:
    """Run a command and exit: 0, 1 or 2 by its result, 128 + N when signal N stops it."""
    signals = _Signals()
    from app.cli.commands import run

    try:
        try:
            signals.is_running = True
            status = run()
        finally:
            signals.is_running = False
    except KeyboardInterrupt:
        status = 128 + signals.received
    sys.exit(status)
