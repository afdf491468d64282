"""The folder of a store: permissions, free space, size of the log, leftover files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.database import Database
from app.maintenance import data_folder_checks
from tests.conftest import ROOT


@pytest.fixture
def store(filled_db: Database) -> Path:
    filled_db.close()
    filled_db.path.parent.chmod(0o700)
    for path in filled_db.path.parent.iterdir():
        path.chmod(0o600)
    return filled_db.path


def test_finds_nothing_wrong_in_a_usual_folder(store: Path) -> None:
    found = [
        data_folder_checks.check_file_system(store.parent),
        data_folder_checks.check_permissions(store.parent),
        data_folder_checks.check_log(store),
        data_folder_checks.check_leftovers(store, store.parent / "first-admin-key"),
    ]
    assert {each.state for each in found} == {"ok"}
    assert data_folder_checks.check_free_space(store).state in ("ok", "warning")


def test_names_files_that_others_may_read(store: Path) -> None:
    (store.parent / "my keys").write_text("x")
    (store.parent / "my keys").chmod(0o640)
    found = data_folder_checks.check_permissions(store.parent)
    assert (found.state, found.text) == ("problem", "others may read my keys")
    assert found.advice == f"chmod 600 '{store.parent}/my keys'"


def test_names_a_folder_that_others_can_list(store: Path) -> None:
    store.parent.chmod(0o755)
    found = data_folder_checks.check_permissions(store.parent)
    assert (found.state, found.advice) == ("warning", f"chmod 700 {store.parent}")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_reports_files_of_another_user(store: Path) -> None:
    os.chown(store, 12_345, 12_345)
    found = data_folder_checks.check_permissions(store.parent)
    assert (found.state, found.text) == ("warning", "contacts.db belong to another user")


def test_reports_files_that_cannot_be_written(store: Path) -> None:
    store.chmod(0o400)
    # Root may write everything, unless it gives up its capabilities.
    limited = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    program = (
        "import sys; from pathlib import Path; from app.maintenance import data_folder_checks; "
        "print(data_folder_checks.check_permissions(Path(sys.argv[1])).state)"
    )
    command = [*limited, sys.executable, "-c", program, str(store.parent)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stdout == "problem\n"


def test_names_a_large_log(store: Path) -> None:
    with store.with_name("contacts.db-wal").open("wb") as log:
        log.truncate(data_folder_checks.LARGE_LOG_BYTES + 1)
    assert data_folder_checks.check_log(store).state == "warning"


def test_reports_files_that_may_be_removed(store: Path) -> None:
    folder = store.parent
    for name in ("first-admin-key", "contacts.db.before-restore-1", "contacts.db.before-restore-2"):
        (folder / name).touch()
    (folder / "contacts.db.before-restore-1-wal").touch()
    (folder / "restoring").mkdir()
    found = data_folder_checks.check_leftovers(store, folder / "first-admin-key")
    assert found.state == "warning"
    assert found.text == (
        "contacts.db.before-restore-1, contacts.db.before-restore-2, restoring and 1 more"
    )


def test_reports_low_disk_space(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(data_folder_checks, "MIN_FREE_BYTES", 2**60)
        assert data_folder_checks.check_free_space(store).state == "problem"
