"""Builds the package as setup.cfg says; a build keeps the id of its commit in `app/commit`."""

import os
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithCommit(build_py):
    """Adds the file `app/commit`; SOURCE_COMMIT names it where the sources have no git."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib, "app")
            (folder / "commit").write_text(f"{_commit()}\n")


def _commit() -> str:
    if named := os.environ.get("SOURCE_COMMIT"):
        return named
    here = Path(__file__).resolve().parent
    if (here / ".git").exists():
        command = ["git", "-C", here, "rev-parse", "--short=12", "HEAD"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        return answer.stdout.strip() or "unknown"
    return "unknown"


setup(cmdclass={"build_py": BuildWithCommit})
