"""The files in `deploy/` fit together, and name settings and files that exist."""

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = sorted(DEPLOY.glob("compose*.yaml"))
UNITS = sorted((DEPLOY / "systemd").iterdir())
OWN = {"image": "contacts-service", "read_only": True, "cap_drop": ["ALL"]}


def _services(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    document = yaml.safe_load(path.read_text())
    return document, document["services"]


def test_every_setting_exists() -> None:
    known = {PREFIX + each.name.upper() for each in fields(Settings)}
    known |= {f"{each}_FILE" for each in known} | {f"{PREFIX}PROGRAM"}
    named = {
        name
        for path in DEPLOY.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
        for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", path.read_text())
    }
    assert named
    assert named <= known


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_a_compose_file_declares_every_volume_that_it_uses(path: Path) -> None:
    document, services = _services(path)
    for name, service in services.items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (path.parent / source).is_file(), source
            else:
                assert source in document["volumes"], source
        assert set(service.get("depends_on", ())) <= set(services), name
        if build := service.get("build"):
            assert (path.parent / build["context"] / build["dockerfile"]).is_file()
            assert OWN.items() <= service.items()
            assert "data" in service["volumes"][0].split(":")[1]
        # Docker Compose cannot copy a secret that is no file into a read-only container.
        assert not service.get("secrets"), name


def test_the_proxy_of_the_compose_file_names_its_servers() -> None:
    _, services = _services(DEPLOY / "compose-postgres.yaml")
    own = {f"{name}:8000" for name, its in services.items() if "build" in its}
    assert set(services["caddy"]["environment"]["SERVERS"].split()) == own
    assert len(own) == 2
    for name in services["caddy"]["environment"]:
        assert f"{{${name}:" in (DEPLOY / "Caddyfile").read_text()


def test_the_image_runs_as_the_user_who_owns_its_data() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    rootfs = (DEPLOY / "release" / "rootfs.sh").read_text()
    [user] = re.findall(r"^USER (\d+:\d+)$", dockerfile, re.MULTILINE)
    assert f'chown {user} "$root/data"' in rootfs
    assert f"contacts:x:{user}:" in rootfs


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    program = tmp_path / "contacts"
    program.touch(0o755)
    for unit in UNITS:
        text = unit.read_text().replace("/opt/contacts/bin/contacts", str(program))
        (tmp_path / unit.name).write_text(text)
    drop_ins = tmp_path / "contacts.service.d"
    drop_ins.mkdir()
    (tmp_path / "postgresql.conf").rename(drop_ins / "postgresql.conf")
    units = [each.name for each in UNITS if each.suffix in (".service", ".timer")]
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    own = [line for line in found.stderr.splitlines() if "contacts" in line]
    assert (own, found.returncode) == ([], 0)
