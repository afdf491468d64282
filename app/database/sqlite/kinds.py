"""The two kinds of store, told by SQLite's application id: neither is opened as the other."""

from pathlib import Path

from app.errors import StartError

NORMAL = 0x436E7463  # "Cntc"
STAND_IN = 0x436E7473  # "Cnts"
KINDS = (NORMAL, STAND_IN)


def check_kind(path: Path, application_id: int, wanted: int | None) -> None:
    """Raises `StartError` where a store is of the other kind than `wanted`; None wants either."""
    if application_id not in KINDS or wanted in (None, application_id):
        return
    if application_id == STAND_IN:
        raise StartError(
            f"{path} was made by a stand-in, and nothing else works on it than "
            "contacts serve --stand-in and contacts keys: choose another folder with --data"
        )
    raise StartError(
        f"{path} was made by a normal server, and a stand-in never touches it: "
        "choose another folder with --data, or none for a throw-away store"
    )
