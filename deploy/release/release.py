"""Builds a release, tries each form of it, and prints what to upload: `make release VERSION=1.2.3`.

Checks first that the version is that of setup.cfg, that the changelog has it with a date, and that
nothing is uncommitted.
"""

import configparser
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import binary
import check_wheel
import image
import smoke
from wheel import PIP, ROOT, build_source, git, make_environment, run


def problems(version: str) -> list[str]:
    """Return what keeps this checkout from being released as `version`."""
    found = []
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    if (own := setup["metadata"]["version"]) != version:
        found.append(f"setup.cfg has version {own}: set it to {version}")
    heading = re.compile(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", re.MULTILINE)
    if not heading.search((ROOT / "CHANGELOG.md").read_text()):
        found.append(f'CHANGELOG.md has no heading "## {version} (YYYY-MM-DD)": add it')
    if git("status", "--porcelain"):
        found.append("there are uncommitted changes: commit them")
    return found


def step(text: str) -> None:
    """Say what begins, and when."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def build_everything(version: str) -> str:
    """Build and try each form; return the name of the image."""
    engine = image.engine()  # A missing program is said before the long builds.
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    step("wheel: build it, install it, call it")
    check_wheel.main()
    step("sources: build them, install from them, call it")
    source = build_source(ROOT / "dist")
    with tempfile.TemporaryDirectory() as name:
        python = make_environment(Path(name, "environment"), source)
        run(python, *PIP, "check", cwd=Path(name))
        smoke.check((str(python.with_name("contacts")),), Path(name))
    step("binary: build it, call it; takes minutes")
    target = binary.build(only_folder=False)
    with tempfile.TemporaryDirectory() as name:
        smoke.check((str(target),), Path(name))
    step(f"image: build it with {engine}, call it; takes minutes")
    return image.build(version)


def main(version: str) -> None:
    if found := problems(version):
        raise SystemExit("\n".join(f"release: {each}" for each in found))
    name = build_everything(version)
    step(f"release {version} of commit {git('rev-parse', 'HEAD')} is built and tried")
    for path in sorted((ROOT / "dist").iterdir()):
        sys.stdout.write(f"Upload {path.relative_to(ROOT)}\n")
    sys.stdout.write(f"Push the image {name}\nThen: git tag v{version} && git push --tags\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        raise SystemExit("release: name the version: make release VERSION=1.2.3")
    try:
        main(sys.argv[1])
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        raise SystemExit(f"release: {error}") from None
