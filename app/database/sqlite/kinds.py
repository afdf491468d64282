"""Keeps the stores of servers and of stand-ins apart, by SQLite's application id."""

from pathlib import Path

from app.errors import StartError

NORMAL = 0x436E7463  # "Cntc"
STAND_IN = 0x436E7473  # "Cnts"
KINDS = (NORMAL, STAND_IN)


def check_kind(path: Path, application_id: int, wanted: int | None) -> None:
    """Raise `StartError` if a store is not of the kind `wanted`; None accepts both kinds."""
    if application_id not in KINDS or wanted in (None, application_id):
        return
    if application_id == STAND_IN:
        raise StartError(
            f"{path} was created by a stand-in, and only these commands can use it: "
            "contacts serve --stand-in and contacts keys: choose another folder with --data"
        )
    raise StartError(
        f"{path} was made by a normal server, and a stand-in never touches it: "
        "choose another folder with --data, or none for a throw-away store"
    )
