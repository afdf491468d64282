"""The log: one line for each record, as JSON or text, written by a background thread."""

import json
import logging
import os
import select
import stat
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from app.errors import StartError

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "json", "text")
MOST_BYTES = 2**20  # Of lines that wait to be written; further ones are dropped and counted.
SECONDS_BETWEEN_WRITES = 0.1
IDLE_ROUNDS = 20
FLUSH_SECONDS = 1.0
_QUOTABLE = (ImportError, OSError, StartError)  # Their messages contain no personal data.

Fields = dict[str, Any]
Form = Callable[[float, str, str, Fields], str]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def configure(level: str, form: str, *, file: int = 2) -> "LogHandler":
    """Send all log records of this process to an open file descriptor, and nowhere else.

    The form `auto` is text on a terminal, else JSON.
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
    threading.excepthook = _log_thread_error
    return handler


def info(logger: logging.Logger, message: str, fields: Fields) -> None:
    """Log a message with fields at the level info."""
    if not logger.isEnabledFor(logging.INFO):
        return
    for handler in logging.root.handlers:
        if isinstance(handler, LogHandler):
            handler.info(message, fields)
            return
    logger.info(message, extra={"fields": fields})


def dropped_lines() -> int:
    """Return how many lines this process has dropped since the last call."""
    count = 0
    for each in logging.root.handlers:
        if isinstance(each, LogHandler):
            count += each.take_dropped()
    return count


class LogHandler(logging.Handler):
    """Passes lines to a thread that writes them, so that a blocked reader blocks no request."""

    def __init__(self, file: int, form: Form) -> None:
        super().__init__()
        self._file = file
        self._form = form
        # A pipe takes up to PIPE_BUF bytes without mixing them with other processes' lines.
        is_file = stat.S_ISREG(os.fstat(file).st_mode)
        self._piece_bytes = MOST_BYTES if is_file else select.PIPE_BUF
        self._start_over()

    def _start_over(self) -> None:
        self._mutex = threading.Lock()
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._writing = False
        self._unreported = self._uncounted = 0
        self._pid = os.getpid()  # Last: another thread that sees it takes the new lock.

    def emit(self, record: logging.LogRecord) -> None:
        try:
            error = record.exc_info[1] if record.exc_info else None
            more: Fields = {"fault": describe_error(error)} if error else {}
            level, message = record.levelname.lower(), record.getMessage()
            self.put(self._form(record.created, level, message, _fields(record) | more))
        except Exception:
            with self._mutex:
                self._note_dropped(1)  # A record that cannot be written must not fail a request.

    def put(self, line: str, *, always: bool = False) -> None:
        """Queue a line for the writing thread, or drop it if too much waits, unless `always`.

        Never blocks.
        """
        if self._pid != os.getpid():
            self._start_over()  # After a fork: the thread and the queued lines are the parent's.
        text = f"{line}\n".encode(errors="backslashreplace")
        with self._mutex:
            if self._bytes + len(text) > MOST_BYTES and not always:
                self._note_dropped(1)
                return
            self._lines.append(text)
            self._bytes += len(text)
            starts, self._writing = not self._writing, True
        if starts:
            threading.Thread(target=self._write_on, name="log", daemon=True).start()

    def info(self, message: str, fields: Fields) -> None:
        """Log at the level info, without the cost of a `LogRecord`."""
        self.put(self._form(time.time(), "info", message, fields))

    def take_dropped(self) -> int:
        if not self._uncounted:
            return 0
        with self._mutex:
            count, self._uncounted = self._uncounted, 0
        return count

    def flush(self) -> None:
        """Wait until all lines are written, for at most `FLUSH_SECONDS`."""
        end = time.monotonic() + FLUSH_SECONDS
        while self._bytes and self._pid == os.getpid() and time.monotonic() < end:
            time.sleep(0.01)

    def _note_dropped(self, count: int) -> None:
        self._unreported += count
        self._uncounted += count

    def _write_on(self) -> None:
        """Write queued lines; end after `IDLE_ROUNDS` rounds without any."""
        idle = 0
        while True:
            with self._mutex:
                lines = list(self._lines)
                self._lines.clear()
                if not lines and idle >= IDLE_ROUNDS:
                    self._writing = False
                    return
            idle = 0 if lines else idle + 1
            for piece in _pieces(lines, self._piece_bytes):
                self._write(piece)
            time.sleep(SECONDS_BETWEEN_WRITES)

    def _write(self, lines: list[bytes]) -> None:
        written = _written(self._file, b"".join(lines))
        with self._mutex:
            self._bytes -= sum(map(len, lines))
            if not written:
                self._note_dropped(len(lines))
                return
            dropped, self._unreported = self._unreported, 0
        if dropped and logging.getLogger(__name__).isEnabledFor(logging.WARNING):
            report = f"{dropped} lines of this log were dropped"
            self.put(self._form(time.time(), "warning", report, {}), always=True)


def _written(file: int, text: bytes) -> bool:
    try:
        while text:
            text = text[os.write(file, text) :]
    except OSError:
        return False
    return True


def _pieces(lines: list[bytes], most: int) -> Iterator[list[bytes]]:
    """Group lines into pieces of at most `most` bytes; a longer line is a piece of its own."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > most:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    if piece:
        yield piece


def _json(seconds: float, level: str, message: str, fields: Fields) -> str:
    whole = int(seconds)
    members = "".join([f',"{name}":{_encoded(value)}' for name, value in fields.items()])
    return (
        f'{{"time":"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z",'
        f'"level":"{level}","message":{_encoded(message)}{members}}}'
    )


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def _encoded(value: object) -> str:
    """Encode as JSON; most values are strings and numbers, which need no `JSONEncoder`."""
    if isinstance(value, str):
        return encode_basestring(value)
    return repr(value) if type(value) in (int, float) else _encode(value)


def _text(seconds: float, level: str, message: str, fields: Fields) -> str:
    rest = dict(fields)
    trace = f"\n{rest.pop('fault')}" if "fault" in rest else ""
    more = "".join(f" {name}={_printable(value)}" for name, value in rest.items())
    return f"{datetime.fromtimestamp(seconds):%H:%M:%S} {level:7} {message}{more}{trace}"


def _printable(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if text.isprintable() else ascii(text)


def _fields(record: logging.LogRecord) -> Fields:
    found: Fields = getattr(record, "fields", {})
    return found


def describe_error(error: BaseException) -> str:
    """Return the traceback and the type of an error; its message could quote a contact."""
    name = type(error).__name__
    what = f"{name}: {error}" if isinstance(error, _QUOTABLE) else name
    return "".join(traceback.format_tb(error.__traceback__)) + what


def _log_thread_error(args: Any) -> None:
    logging.getLogger(__name__).error("A thread failed", exc_info=args.exc_value)
