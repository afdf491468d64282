"""SQLite needs no driver of PostgreSQL: none is imported, none has to be installed."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import clean_environ

# A start, writes, reads, metrics and a doctor, in a process where nothing else imports the driver.
SCRIPT = """
import sys
from contextlib import closing
from pathlib import Path

from app import create_app
from app.api_keys.handlers import create_api_key
from app.api_keys.model import SCOPES
from app.maintenance import doctor
from app.serving.startup import prepare
from app.settings import load
from app.web.service import service_of

settings = load({}, data=Path(sys.argv[1]))
prepare(settings)
app = create_app(settings)
with closing(service_of(app).db) as db:
    key = create_api_key(db, label="x", scopes=SCOPES)
    client = app.test_client()
    headers = {"Authorization": f"Bearer {key}"}
    assert client.post("/v1/contacts", json={"phone": "918856879188"}, headers=headers).is_json
    for path in ("/v1/contacts?q=a", "/v1/changes", "/v1/webhooks", "/metrics", "/readyz"):
        assert client.get(path, headers=headers).status_code == 200, path
assert any(name == "app.maintenance.doctor" for name in sys.modules)
print(sorted(name for name in sys.modules if name.split(".")[0] == "psycopg" or "postgres" in name))
"""


def test_sqlite_imports_no_driver_of_postgresql(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=120,
        env=clean_environ(),
    )
    assert (run.stdout, run.stderr) == ("[]\n", "")
