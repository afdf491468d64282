"""`contacts openapi`: the document, without a server or a store."""

from pathlib import Path

from flask.testing import FlaskClient

from tests.conftest import run_contacts


def test_prints_the_document_that_the_server_serves(anonymous: FlaskClient, tmp_path: Path) -> None:
    finished = run_contacts("openapi", CONTACTS_DATA=str(tmp_path / "nothing"))
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == anonymous.get("/openapi.json").get_data(as_text=True)
    assert not (tmp_path / "nothing").exists()
