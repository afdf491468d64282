"""What an import would do, for a person to look at before anything is stored."""

from typing import Any

from app.contacts import bulk
from app.contacts.model import Change
from app.database import Database
from app.transfer.importer import PREVIEWED, Importer
from app.transfer.intake import Intake

MOST_NEW = 100


def preview(db: Database, intake: Intake) -> tuple[Importer, dict[str, Any]]:
    """Plan the import of a file; return the closed importer with its report, and the preview.

    The preview has, besides the report: `problem`, `titles` (lines above the names of columns),
    `columns` with their fields and samples, `bare` numbers, `new_tags` and `new_fields` (of each
    the first `MOST_NEW`), and `samples` of each outcome.
    """
    importer = intake.importer(db, dry_run=True)
    try:
        intake.run(db, importer)
    finally:
        importer.close()
    findings, survey = importer.findings, intake.survey
    fields, tags = bulk.new_names(db, list(findings.keys), list(findings.tags))
    return importer, {
        "problem": intake.problem,
        "titles": intake.opened.titles,
        "columns": _columns(intake, importer),
        "bare": {"numbers": survey.bare, "valid": survey.valid} if survey else None,
        "new_tags": tags[:MOST_NEW],
        "new_fields": fields[:MOST_NEW],
        "samples": _samples(importer),
    }


def _columns(intake: Intake, importer: Importer) -> list[dict[str, Any]]:
    columns = intake.opened.layout.columns if intake.opened.layout else ()
    return [
        {
            "column": column.name,
            "field": column.field or None,
            "kind": column.kind,
            "type": column.type,
            "source": column.source,
            "samples": importer.findings.samples(place),
        }
        for place, column in enumerate(columns)
    ]


def _samples(importer: Importer) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {
        status: [
            {"line": line, **_sample(change)} for line, change in importer.shown.get(status, ())
        ]
        for status in ("created", "updated", "unchanged")
    }
    reasons: dict[int, list[str]] = {}
    for error in importer.report.errors:
        text = f"{error['column']}: {error['reason']}" if error["column"] else error["reason"]
        reasons.setdefault(error["line"], []).append(text)
    first = list(reasons.items())[:PREVIEWED]
    return found | {"rejected": [{"line": line, "reasons": texts} for line, texts in first]}


def _sample(change: Change) -> dict[str, Any]:
    """Return what a change adds to a contact, replaces and removes, by field."""
    added: dict[str, Any] = {}
    replaced: dict[str, Any] = {}
    removed: dict[str, Any] = {}
    for name, each in change.diff().items():
        before, after = each["before"], each["after"]
        if name == "phone":
            continue
        if name == "tags":
            if new := [tag for tag in after if tag not in (before or ())]:
                added[name] = new
            if gone := [tag for tag in before or () if tag not in after]:
                removed[name] = gone
        elif before is None:
            added[name] = after
        else:
            replaced[name] = each
    contact = change.after
    return {"phone": contact.phone, "added": added, "replaced": replaced, "removed": removed}
