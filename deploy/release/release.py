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
from pathlib import Path

import binary
import check_wheel
import smoke
from wheel import PIP, ROOT, build_source, git, make_environment, run

IMAGE = "contacts-service"


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


def build_image(version: str) -> str:
    """Build the container image with docker or buildah, and call it; return what to push."""
    name = f"{IMAGE}:{version}"
    options = ("--file", "deploy/Dockerfile", "--tag", name, ".")
    if docker := shutil.which("docker"):
        run(docker, "build", *options)
        smoke.ready([docker, "run", "--rm", "--network", "host", name])
    elif buildah := shutil.which("buildah"):
        run(buildah, "build", "--format", "docker", *options)
        container = run(buildah, "from", name).strip()
        smoke.ready([buildah, "run", container, "--", "/usr/bin/contacts"])
        run(buildah, "rm", container)
    else:
        raise SystemExit("release: the image needs docker or buildah: install one")
    return name


def main(version: str) -> None:
    if found := problems(version):
        raise SystemExit("\n".join(f"release: {each}" for each in found))
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    check_wheel.main()
    with tempfile.TemporaryDirectory() as name:
        source = build_source(ROOT / "dist")
        python = make_environment(Path(name, "environment"), source)
        run(python, *PIP, "check", cwd=Path(name))
        smoke.check([str(python.with_name("contacts"))], Path(name))
    target = binary.build(only_folder=False)
    with tempfile.TemporaryDirectory() as name:
        smoke.check([str(target)], Path(name))
    image = build_image(version)
    sys.stdout.write(
        f"Release {version} of commit {git('rev-parse', 'HEAD')} is built and tried.\n"
    )
    for path in sorted((ROOT / "dist").iterdir()):
        sys.stdout.write(f"Upload {path.relative_to(ROOT)}\n")
    sys.stdout.write(f"Push the image {image}\nThen: git tag v{version} && git push --tags\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        raise SystemExit("release: name the version: make release VERSION=1.2.3")
    try:
        main(sys.argv[1])
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"release: {error}") from None
