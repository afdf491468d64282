"""Builds the wheel and the source distribution into `dist/`, from a clean copy of the sources."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("setup.py", "setup.cfg", "README.md", "LICENSE", "contacts_standin.py")
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def git(*arguments: str) -> str:
    """Return what git prints, or an empty text where there is no checkout."""
    try:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def environ() -> dict[str, str]:
    """Return an environment in which builds of one commit on one machine give the same bytes."""
    commit = os.environ.get("SOURCE_COMMIT") or git("rev-parse", "--short=12", "HEAD") or "unknown"
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or "1767225600"
    fixed = {"SOURCE_COMMIT": commit, "SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": "0"}
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | fixed


def run(*command: str | Path, cwd: Path = ROOT, **more: str) -> str:
    """Run a command in the environment of builds and return what it prints."""
    return subprocess.run(
        command, cwd=cwd, env=environ() | more, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


@contextmanager
def _sources() -> Iterator[Path]:
    """Give a copy of the sources, so that nothing left over from an earlier build gets in."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name, "sources")
        shutil.copytree(ROOT / "app", copy / "app", ignore=shutil.ignore_patterns("__pycache__"))
        for each in SOURCES:
            shutil.copy(ROOT / each, copy)
        yield copy


def build_wheel(into: Path) -> Path:
    """Build the wheel into a folder; return its path."""
    with _sources() as sources:
        built = sources / "built"
        run(sys.executable, *PIP, "wheel", "--no-deps", "-w", built, sources)
        [wheel] = built.glob("*.whl")
        into.mkdir(exist_ok=True)
        return Path(shutil.copy(wheel, into))


def build_source(into: Path) -> Path:
    """Build the source distribution into a folder; return its path."""
    with _sources() as sources, tempfile.TemporaryDirectory() as tools:
        python = make_environment(Path(tools), "setuptools")
        run(python, "setup.py", "--quiet", "sdist", cwd=sources)
        [source] = (sources / "dist").glob("*.tar.gz")
        into.mkdir(exist_ok=True)
        return Path(shutil.copy(source, into))


def make_environment(folder: Path, *requirements: str | Path) -> Path:
    """Create a virtual environment with what is named; return its Python."""
    run(sys.executable, "-m", "venv", "--clear", folder)
    python = folder / "bin" / "python"
    run(python, *PIP, "install", "-c", ROOT / "constraints.txt", *requirements)
    return python


if __name__ == "__main__":
    sys.stdout.write(f"{build_wheel(ROOT / 'dist').relative_to(ROOT)}\n")
