"""Access to a store in PostgreSQL: TLS, passwords that are never shown, roles, dumps."""

import json
import os
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import trustme

from app import create_app
from app.contacts import handlers
from app.contacts.model import Draft
from app.database import open_store, prepare_store
from app.settings import load
from app.web.service import service_of
from tests.conftest import ROOT, StartServer, run_contacts
from tests.postgres import OPTIONS, PostgresServer, programs, running_server

PASSWORD = "correct-horse-7391"
SPECIAL = "pw/7391@horse?x"
PHONE = "918856879188"


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def over_tls(authority: trustme.CA, postgres: PostgresServer) -> Iterator[str]:
    """The host and port of a server that requires TLS and a password over TCP."""
    certificate = authority.issue_cert("127.0.0.1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [each for each in OPTIONS if not each.startswith("listen_addresses")]
    options += ["listen_addresses=127.0.0.1", "ssl=on"]
    files = {
        "server.crt": b"".join(each.bytes() for each in certificate.cert_chain_pems),
        "server.key": certificate.private_key_pem.bytes(),
        "pg_hba.conf": b"local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
    }
    with running_server(tuple(options), files, port) as server:
        server.run(f"CREATE ROLE contacts LOGIN PASSWORD '{PASSWORD}'")
        server.run("CREATE DATABASE contacts OWNER contacts ENCODING 'UTF8' TEMPLATE template0")
        yield f"127.0.0.1:{port}"


@pytest.mark.soak
def test_verifies_the_server_and_shows_no_password(
    over_tls: str, authority: trustme.CA, tmp_path: Path, start_server: StartServer
) -> None:
    right, wrong = tmp_path / "right.pem", tmp_path / "wrong.pem"
    authority.cert_pem.write_to_path(str(right))
    trustme.CA().cert_pem.write_to_path(str(wrong))
    tls = "sslmode=verify-full&sslrootcert="
    url = f"postgresql://contacts:{PASSWORD}@{over_tls}/contacts?{tls}{right}"
    environ = {"CONTACTS_DATABASE_URL": url, "CONTACTS_LOG_LEVEL": "debug"}
    server = start_server(data=tmp_path / "served", environ=environ)
    assert server.post(phone=PHONE).status_code == 201
    assert server.log
    shown = [server.get(path).text for path in ("/metrics", "/readyz", "/openapi.json")]
    shown += [server.log.read_text(), *_command_lines()]
    # The server's own database role, a wrong password, certificate, host, database and parameter.
    for before, after, reason in (
        (right.name, wrong.name, "certificate verify failed"),
        ("sslmode=verify-full", "sslmode=disable", "no encryption"),
        ("contacts:", "nobody:", "password authentication failed"),
        (f"{over_tls}/contacts", f"{over_tls}/nowhere", "does not exist"),
        (over_tls, "127.0.0.1:1", "Connection refused"),
        ("sslmode=", "nonsense=", "cannot be read"),
        (f"{PASSWORD}@", f"{SPECIAL}@", "cannot be read"),
    ):
        environ = {
            "CONTACTS_DATABASE_URL": url.replace(before, after, 1),
            "CONTACTS_DATA": str(tmp_path / "other"),
        }
        refused = run_contacts("serve", "--port", "0", **environ)
        assert (refused.returncode, reason in refused.stderr) == (2, True), refused.stderr
        (tmp_path / "file").mkdir(exist_ok=True)
        (tmp_path / "file" / "contacts.db").touch()
        for command in (
            *(("doctor",), ("restored",), ("keys", "list"), ("export", "-"), ("backup", "b")),
            *(("restore", "b"), ("copy", str(tmp_path / "copied")), ("serve", "--help")),
        ):
            run = run_contacts(*command, **environ)
            shown += [run.stdout, run.stderr]
        target = ("copy", environ["CONTACTS_DATABASE_URL"], "--data", tmp_path / "file")
        shown += [refused.stdout, refused.stderr, run_contacts(*target).stderr]
    assert not [each for each in shown if PASSWORD in each or "7391" in each]


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def _block(heading: str, start: str) -> str:
    """Return a command of docs/postgresql.md, from its first words to the end of its block."""
    page = (ROOT / "docs" / "postgresql.md").read_text().partition(f"## {heading}\n")[2]
    found = re.search(rf"^{re.escape(start)}.*?^```$", page, re.DOTALL | re.MULTILINE)
    assert found
    return found[0].removesuffix("```")


@pytest.mark.soak
def test_a_server_needs_the_rights_that_the_page_names(
    postgres: PostgresServer, tmp_path: Path, start_server: StartServer
) -> None:
    postgres.run("CREATE ROLE owner LOGIN; CREATE ROLE server LOGIN")
    postgres.run("CREATE DATABASE roles OWNER owner TEMPLATE template0")
    url = postgres.url("roles")
    owner, server = (url.replace("postgres@", f"{who}@") for who in ("owner", "server"))
    environ = {"CONTACTS_DATABASE_URL": server, "CONTACTS_DATA": str(tmp_path / "served")}
    refused = run_contacts("serve", "--port", "0", **environ)
    assert (refused.returncode, "run contacts doctor once with the" in refused.stderr) == (2, True)
    prepare_store(load({}, data=tmp_path / "owner", database_url=owner))
    sql = _block("Roles", "psql ").partition("\n")[2].partition("\nSQL")[0]
    with psycopg.connect(owner) as driver:
        for each in sql.split(";"):
            if each.strip():
                driver.execute(each.encode())
    running = start_server(data=tmp_path / "served", environ=environ)
    assert running.post(phone=PHONE, tags=["VIP"], custom_fields={"n": 1}).status_code == 201
    with running.session() as session:
        for method, path, body in (
            ("PATCH", "/v1/tags/VIP", {"name": "Gold"}),
            ("POST", "/v1/webhooks", {"url": "https://example.com"}),
            ("PUT", "/v1/segments/s", {"filter": {"field": "tag", "op": "eq", "value": "VIP"}}),
            ("GET", "/v1/changes?after=0", None),
            ("DELETE", f"/v1/contacts/{PHONE}", None),
        ):
            answer = session.request(method, running.url + path, json=body, timeout=30)
            assert answer.ok, (path, answer.text)
    for sql in ("DROP TABLE contacts", "ALTER TABLE contacts ADD x int", "CREATE TABLE x (y int)"):
        with psycopg.connect(server) as driver, pytest.raises(psycopg.errors.InsufficientPrivilege):
            driver.execute(sql.encode())
    running.stop()
    postgres.drop(url)


def test_names_the_rights_that_a_role_lacks(postgres: PostgresServer, tmp_path: Path) -> None:
    """At the start, by doctor, and in responses, which are a 503 and store nothing."""
    url = postgres.create()
    name = url.partition("@/")[2].partition("?")[0]
    prepare_store(load({}, data=tmp_path, database_url=url))
    options = ("--label", "x", "--data", tmp_path)
    granted = run_contacts("keys", "create", *options, CONTACTS_DATABASE_URL=url)
    postgres.run("CREATE ROLE weak LOGIN")
    weak = url.replace("postgres@", "weak@")
    environ = {"CONTACTS_DATABASE_URL": weak, "CONTACTS_DATA": str(tmp_path)}
    refused = run_contacts("keys", "list", **environ)
    assert (refused.returncode, "gives this role no rights on its tables" in refused.stderr) == (
        2,
        True,
    ), refused.stderr
    tables = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    postgres.run(f"GRANT {tables} TO weak; REVOKE INSERT ON contacts, tags FROM weak", name)
    postgres.run("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO weak", name)
    postgres.run("REVOKE USAGE ON SEQUENCE changes_id_seq FROM weak", name)
    found = run_contacts("doctor", **environ)
    missing = "problem  rights: the role may not read and write changes_id_seq, contacts, tags →"
    assert (found.returncode, missing in found.stdout) == (1, True), found.stdout
    settings = load({}, data=tmp_path, database_url=weak)
    client = create_app(settings).test_client()
    headers = {"Authorization": f"Bearer {granted.stdout.strip()}"}
    assert client.get("/v1/contacts", headers=headers).status_code == 200
    response = client.post("/v1/contacts", headers=headers, json={"phone": PHONE})
    assert response.status_code == 503
    assert "too few rights in the database: nothing was stored" in response.text
    postgres.run(f"GRANT {tables} TO weak", name)
    postgres.run("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO weak", name)
    assert "rights" not in run_contacts("doctor", **environ).stdout
    assert client.post("/v1/contacts", headers=headers, json={"phone": PHONE}).status_code == 201
    service_of(client.application).db.close()
    postgres.run("DROP OWNED BY weak; DROP ROLE weak", name)
    postgres.drop(url)


def test_the_named_commands_back_up_and_restore(postgres: PostgresServer, tmp_path: Path) -> None:
    url, target = postgres.create(), postgres.create()
    settings = load({}, data=tmp_path / "data", database_url=url)
    settings.data.mkdir(mode=0o700)
    prepare_store(settings)
    with closing(open_store(settings)) as db:
        handlers.upsert_contact(db, Draft(PHONE, "Priya", tags=("VIP",)))
    dump = tmp_path / "contacts.dump"
    for command, database, rest in (("backup", url, ""), ("restore", target, " on an empty")):
        environ = {"CONTACTS_DATABASE_URL": database, "CONTACTS_DATA": str(settings.data)}
        named = run_contacts(command, dump, **environ).stderr.partition("run ")[2]
        named = named.partition(rest)[0] if rest else named
        assert shlex.split(named)[0] in ("pg_dump", "pg_restore")
        path = f"{programs()}:{os.environ['PATH']}"
        subprocess.run(["sh", "-c", named], check=True, env={**environ, "PATH": path}, timeout=60)
    restored = run_contacts("restored", **environ)
    assert restored.stdout.startswith("The journal continues after 1,000,")
    findings = json.loads(run_contacts("doctor", "--json", **environ).stdout)["findings"]
    wrong = {each["check"] for each in findings if each["state"] != "ok"}
    assert wrong <= {"fsync", "full_page_writes"}  # Of the server of the tests.
    with closing(open_store(load({}, data=settings.data, database_url=target))) as db:
        assert handlers.get_contact(db, PHONE).tags == ("VIP",)
        assert handlers.upsert_contact(db, Draft("918856879189", tags=("VIP",))).created
    for each in (url, target):
        postgres.drop(each)
