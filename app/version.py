"""The version of this program, and the commit that it was built from."""

from importlib.metadata import version
from pathlib import Path

VERSION = version("contacts-service")


def commit() -> str:
    """Return the short id of the commit, as setup.py kept it; a checkout has none."""
    kept = Path(__file__).resolve().with_name("commit")
    return kept.read_text().strip() if kept.is_file() else "of this checkout"
