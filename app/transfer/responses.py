"""Responses to requests that import and export contacts."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import chain

from flask import Response
from marshmallow import ValidationError

from app.database import Database
from app.errors import (
    CutShort,
    InsufficientStorage,
    PayloadTooLarge,
    ServiceError,
    Unavailable,
    UnsupportedMediaType,
)
from app.transfer.encodings import Encoding, named
from app.transfer.exporter import export
from app.transfer.formats import MEDIA_TYPES
from app.transfer.intake import Intake
from app.transfer.preview import preview
from app.transfer.readers import spooled
from app.transfer.report import Report
from app.transfer.schemas import ExportQuery, ExportQuerySchema, ImportQuery, ImportQuerySchema
from app.web.requests import (
    body_chunks,
    client_has_left,
    content_type,
    current,
    database,
    load_query,
    settings,
)
from app.web.responses import success

STOPPING_SECONDS = 15  # Half of what gunicorn gives a worker to stop.

_import_query = ImportQuerySchema()
_export_query = ExportQuerySchema()
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "vcf": "text/vcard; charset=utf-8",
}


def import_contacts() -> Response:
    """Store the contacts of the body of this request, a file, or preview it."""
    name, charset = content_type()
    if name not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send the body as one of {', '.join(MEDIA_TYPES)}.")
    chunks = body_chunks(settings().max_import_bytes)
    query: ImportQuery = load_query(_import_query)
    if query.encoding is None and charset:
        query = replace(query, encoding=_charset(charset))
    with _reserve_transfer_slot(), closing(chunks), spooled() as file:
        try:
            for chunk in chunks:
                file.write(chunk)
        except (CutShort, PayloadTooLarge) as error:
            raise _with_report(error, Report(dry_run=query.dry_run)) from error
        except OSError as error:
            raise InsufficientStorage("There is no room left for temporary files.") from error
        with Intake(
            query.source(file, declared=MEDIA_TYPES[name]), query.options(), _check()
        ) as intake:
            return _previewed(intake) if query.dry_run else _imported(intake, query)


def _check() -> str:
    return settings().phone_check


def _charset(name: str) -> Encoding:
    try:
        return named(name)
    except ValidationError as error:
        raise UnsupportedMediaType(f"charset: {error.messages[0]}") from None


def _previewed(intake: Intake) -> Response:
    importer, found = preview(database(), intake)
    return success({"report": importer.report.as_dict(), "preview": found})


def _imported(intake: Intake, query: ImportQuery) -> Response:
    db = database()
    check_deadline = _StopDeadline(current().service.stopping)

    def check(report: Report) -> None:
        check_deadline(report)
        if query.stop_on_disconnect and client_has_left():
            raise CutShort("The client closed the connection.")

    importer = intake.importer(db, dry_run=False, after_batch=check)
    with closing(importer):
        try:
            intake.run(db, importer)
        except (CutShort, Unavailable, InsufficientStorage) as error:
            raise _with_report(error, importer.report) from error
    return success({"report": importer.report.as_dict()})


class _StopDeadline:
    """Ends an import `STOPPING_SECONDS` after the server began to stop. Called after each batch."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._deadline: float | None = None

    def __call__(self, _: Report) -> None:
        if not self._stopping.is_set():
            return
        now = time.monotonic()
        self._deadline = self._deadline or now + STOPPING_SECONDS
        if now >= self._deadline:
            raise Unavailable("The server is stopping: send the rest again.")


def _with_report(error: ServiceError, report: Report) -> ServiceError:
    """Add to an error what was stored before it."""
    if report.last_line and not report.dry_run:
        error.message += f" All rows up to line {report.last_line} are stored, none after it."
    else:
        error.message += " Nothing is stored."
    error.details = {"report": report.as_dict()}
    return error


@contextmanager
def _reserve_transfer_slot() -> Iterator[None]:
    """Take one of the slots for imports and exports, which leave a thread to other requests.

    Raises `Unavailable` where none is free.
    """
    slots = current().service.file_transfers
    if not slots.acquire(blocking=False):
        raise Unavailable("Too many files are being transferred: try again later.", retry_after=10)
    try:
        yield
    finally:
        slots.release()


def export_contacts() -> Response:
    """Return the contacts that the query of this request asks for, as a file."""
    query: ExportQuery = load_query(_export_query)
    parts = _export(database(), query)
    first = next(parts, b"")  # An error of the first page can still be a response.
    response = Response(chain([first], parts), content_type=_TYPES[query.format])
    response.call_on_close(parts.close)
    response.headers["Content-Disposition"] = f'attachment; filename="contacts.{query.format}"'
    return response


def _export(db: Database, query: ExportQuery) -> Generator[bytes]:
    with _reserve_transfer_slot():  # A slow client keeps it until the end.
        for part, _ in export(db, query.search, query.format):
            yield part
