"""The version of this program, and the commit that it was built from."""

import subprocess
from importlib.metadata import version
from pathlib import Path

VERSION = version("contacts-service")
_HERE = Path(__file__).resolve().parent


def commit() -> str:
    """Return the short id of the commit, or `unknown`.

    A build keeps it in the file `commit` (see setup.py); a checkout asks git.
    """
    kept = _HERE / "commit"
    if kept.is_file():
        return kept.read_text().strip()
    if not (_HERE.parent / ".git").exists():
        return "unknown"
    try:
        command = ["git", "-C", _HERE.parent, "rev-parse", "--short", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
