"""The log: a line for each thing that happens, as JSON or for people, which nobody waits for."""

import json
import logging
import os
import select
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from app.errors import StartError

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "json", "text")
MOST_BYTES = 2**20  # Of lines that wait; more are dropped, and counted.
SECONDS_BETWEEN_WRITES = 0.05
IDLE_ROUNDS = 40
SECONDS_AT_THE_END = 1.0
_QUOTABLE = (ImportError, OSError, StartError)

Form = Callable[[logging.LogRecord], str]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def configure(level: str, form: str, *, file: int = 2) -> "LogHandler":
    """Send all that is logged in this process to an open file, in place of what was set before.

    `auto` is text on a terminal, else JSON.
    """
    as_text = form == "text" or (form == "auto" and os.isatty(file))
    handler = LogHandler(file, _text if as_text else _json)
    root = logging.getLogger()
    for other in list(root.handlers):
        root.removeHandler(other)
        other.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("app").setLevel(level.upper())
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_fault
    return handler


def dropped_lines() -> int:
    """Return how many lines this process has dropped since the last call."""
    handlers = logging.getLogger().handlers
    return sum(each.take_dropped() for each in handlers if isinstance(each, LogHandler))


class LogHandler(logging.Handler):
    """Hands lines to a thread that writes them, so that a blocked reader blocks nobody else."""

    def __init__(self, file: int, form: Form) -> None:
        super().__init__()
        self._file = file
        self._form = form
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._mutex = threading.Lock()
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._writing = False
        self._untold = self._uncounted = 0

    def emit(self, record: logging.LogRecord) -> None:
        if self._pid != os.getpid():
            self._start_over()  # What waits is the parent's, and its thread stayed there.
        try:
            line = f"{self._form(record)}\n".encode(errors="backslashreplace")
        except Exception:
            line = b""  # A record that cannot be told, for which no request shall fail.
        with self._mutex:
            if not line or self._bytes + len(line) > MOST_BYTES:
                self._note_dropped(1)
                return
            self._lines.append(line)
            self._bytes += len(line)
            starts, self._writing = not self._writing, True
        if starts:
            threading.Thread(target=self._write_on, name="log", daemon=True).start()

    def take_dropped(self) -> int:
        if not self._uncounted:
            return 0
        with self._mutex:
            count, self._uncounted = self._uncounted, 0
        return count

    def flush(self) -> None:
        """Wait until all is written, for at most `SECONDS_AT_THE_END`."""
        end = time.monotonic() + SECONDS_AT_THE_END
        while self._bytes and self._pid == os.getpid() and time.monotonic() < end:
            time.sleep(0.01)

    def _note_dropped(self, count: int) -> None:
        self._untold += count
        self._uncounted += count

    def _write_on(self) -> None:
        """Write what comes; end when nothing has come for a while."""
        idle = 0
        while True:
            with self._mutex:
                lines = list(self._lines)
                self._lines.clear()
                if not lines and idle >= IDLE_ROUNDS:
                    self._writing = False
                    return
            idle = 0 if lines else idle + 1
            for piece in _pieces(lines):
                self._write(piece)
            time.sleep(SECONDS_BETWEEN_WRITES)

    def _write(self, lines: list[bytes]) -> None:
        written = _written(self._file, b"".join(lines))
        with self._mutex:
            self._bytes -= sum(map(len, lines))
            if not written:
                self._note_dropped(len(lines))
                return
            lost, self._untold = self._untold, 0
        if lost:
            logging.getLogger(__name__).warning("%d lines of this log were dropped", lost)


def _written(file: int, text: bytes) -> bool:
    try:
        while text:
            text = text[os.write(file, text) :]
    except OSError:
        return False
    return True


def _pieces(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Group lines so that a pipe takes each group whole, not mixed with another process' lines."""
    piece: list[bytes] = []
    for line in lines:
        if piece and sum(map(len, piece)) + len(line) > select.PIPE_BUF:
            yield piece
            piece = []
        piece.append(line)
    if piece:
        yield piece


def _json(record: logging.LogRecord) -> str:
    told: dict[str, Any] = {
        "time": _time(record.created),
        "level": record.levelname.lower(),
        "message": record.getMessage(),
    }
    told |= _fields(record)
    if record.exc_info and record.exc_info[1]:
        told["fault"] = fault(record.exc_info[1])
    return _encode(told)


def _text(record: logging.LogRecord) -> str:
    clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
    fields = "".join(f" {name}={_printable(value)}" for name, value in _fields(record).items())
    line = f"{clock} {record.levelname.lower():7} {record.getMessage()}{fields}"
    if record.exc_info and record.exc_info[1]:
        line += f"\n{fault(record.exc_info[1])}"
    return line


def _printable(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if text.isprintable() else ascii(text)


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(record, "fields", {})
    return found


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def fault(error: BaseException) -> str:
    """Tell where an error happened and its kind; its message may quote a contact."""
    name = type(error).__name__
    what = f"{name}: {error}" if isinstance(error, _QUOTABLE) else name
    return "".join(traceback.format_tb(error.__traceback__)) + what


def _log_thread_fault(args: Any) -> None:
    logging.getLogger(__name__).error("A thread failed", exc_info=args.exc_value)
