"""Files of other programs: each in `files/` has the same contact, as its program writes it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.contacts import store
from app.contacts.model import Contact
from app.database import Database
from app.transfer import profiles
from app.transfer.intake import Intake
from app.transfer.options import Options
from app.transfer.readers import Source

FILES = Path(__file__).parent / "files"
ADA = "351912345678"
PROGRAMS = {
    "google.csv": "Google Contacts",
    "google-2023.csv": "Google Contacts (until 2024)",
    "outlook.csv": "Outlook",
    "outlook-german.csv": "Outlook (German)",
    "outlook-french.csv": "Outlook (French)",
    "outlook-spanish.csv": "Outlook (Spanish)",
    "outlook-portuguese.csv": "Outlook (Portuguese)",
    "hubspot.csv": "HubSpot",
    "mailchimp.csv": "Mailchimp",
    "chatwoot.csv": "Chatwoot",
    "interakt.csv": "Interakt",
    "wati.csv": "WATI",
    "interakt-2024.csv": "Interakt",
    "aisensy.csv": "AiSensy",
    "shopify.csv": "Shopify",
    "zoho.csv": "Zoho CRM",
    "pipedrive.csv": "Pipedrive",
    "apple.vcf": "vCard",
}


@pytest.fixture(params=PROGRAMS)
def imported(request: pytest.FixtureRequest, db: Database) -> Iterator[tuple[str, Contact]]:
    name = request.param
    with (
        (FILES / name).open("rb") as file,
        Intake(Source(file, name), Options(), "valid") as intake,
    ):
        with closing(intake.importer(db, dry_run=False)) as importer:
            intake.run(db, importer)
        report = importer.report
        assert (report.errors, report.created, report.profile) == ([], 1, PROGRAMS[name])
    contact = store.find_contact(db.connection(), ADA)
    assert contact
    yield name, contact


def test_reads_the_same_person_from_each(imported: tuple[str, Contact]) -> None:
    name, contact = imported
    assert (contact.first_name, contact.last_name) == ("Ada", "Stone")
    assert (contact.email, contact.tags) == ("ada@example.com", ("Customers", "VIP"))
    fields = contact.custom_fields
    several = name.startswith(("google", "outlook", "hubspot", "apple", "zoho", "pipedrive"))
    assert fields.get("email_2") == ("ada@example.org" if several else None)
    assert fields.get("phone_2") == (
        "+351912345679" if several or name == "mailchimp.csv" else None
    )


def test_never_uses_a_fax_or_another_persons_number_as_the_phone(
    imported: tuple[str, Contact],
) -> None:
    _, contact = imported
    used = [contact.custom_fields.get(f"phone_{number}") for number in range(2, 9)]
    assert not {"+351211234567", "+351211234568", "+351210000001", "+351210000002"} & {*used}


def test_leaves_out_placeholder_values(imported: tuple[str, Contact]) -> None:
    _, contact = imported
    words = {"SMTP", "Normal", "Normale", "Unspecified", "0/0/00", "0.0.00", "Falso", "False"}
    assert not words & set(map(str, contact.custom_fields.values()))


def test_every_profile_has_a_file() -> None:
    untested = {"Contacts export", "Outlook.com", "Outlook (Portuguese, Portugal)", "Meta lead ads"}
    known = {each.name for each in profiles.all_profiles()}
    assert known == {*PROGRAMS.values()} | untested


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Mobile", "mobile"),
        ("* Mobile", "mobile"),
        ("Work Fax", "never"),
        ("Home Fax", "never"),
        ("Pager", "never"),
        ("Privat", "home"),
        ("Google Voice", "other"),
        ("", "main"),
    ],
)
def test_recognizes_labels_of_phones(label: str, kind: str) -> None:
    assert profiles.label_kind(label) == kind


def test_recognizes_countries_by_name() -> None:
    named = ["India", "Deutschland", "United Kingdom", "España", "U.S.A."]
    assert [profiles.region_named(name) for name in named] == ["IN", "DE", "GB", "ES", "US"]
    assert profiles.region_named("Atlantis") is None
