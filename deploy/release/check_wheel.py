"""Builds the wheel, installs it outside the checkout, and calls it: `make wheel`.

What a wheel lacks, such as a migration or a static file, shows only there.
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import smoke
from wheel import PIP, ROOT, build_wheel, make_environment, run


def check_contents(wheel: Path) -> None:
    """Every file of `app/` is in it, but for pages; also the commit and the pytest plugin."""
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*")
        if path.is_file() and path.suffix not in (".md", ".pyc")
    } | {"contacts_standin.py", "app/commit"}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == wanted, f"lacks {wanted - found}; should not have {found - wanted}"


def main() -> None:
    wheel = build_wheel(ROOT / "dist")
    check_contents(wheel)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = make_environment(folder / "environment", wheel)
        run(python, *PIP, "check", cwd=folder)
        smoke.check((str(python.with_name("contacts")),), folder)
    sys.stdout.write(f"{wheel.name} installs, starts and answers\n")


if __name__ == "__main__":
    main()
