"""Writes a file completely or not at all, readable only by its owner."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from app.database.sqlite.files import sync
from app.errors import StartError


class NewFile:
    """A file that appears under its name when `keep` is called. Raises `StartError`."""

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_file():
            raise StartError(f"cannot write {path}: it is not a file")
        self.path = path
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            self._partial.unlink(missing_ok=True)
            opened = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise StartError(f"cannot write {path}: {error.strerror}") from None
        self._file = os.fdopen(opened, "wb")

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def keep(self) -> None:
        """Sync it to disk and give it its name. Raises `OSError`."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(self.path)
        sync(self.path.parent)

    def __enter__(self) -> "NewFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        with suppress(OSError):  # On a full disk: the file is discarded anyway.
            self._file.close()
        self._partial.unlink(missing_ok=True)
