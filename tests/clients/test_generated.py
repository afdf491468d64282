"""Clients that are generated from the OpenAPI document are complete, can be imported, and work."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.tools import GENERATORS, PROGRAMS, need, node_folder, run, virtual_environment
from tests.conftest import RunningServer, StartServer

pytestmark = pytest.mark.soak

EXPECTED = {
    "created": [True, True, True],
    "listed": [0, 1, 2],
    "patched": ["Sharma", {"score": 0, "big": 16_777_217}],
    "found": ["918856879182", "918856879181"],
    "asked": 2,
    "changes": ["918856879180", "918856879181"],
    "error": [422, "validation_error", ["phone"]],
}


@pytest.fixture
def server(start_server: StartServer) -> Iterator[RunningServer]:
    yield start_server()


@pytest.fixture
def document(server: RunningServer, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_bytes(server.get("/openapi.json").content)
    return path


def generate(generator: str, document: Path, folder: Path) -> None:
    need("java")
    bin = virtual_environment(*GENERATORS)
    command = bin / "openapi-generator-cli"
    run(command, "generate", "-i", document, "-g", generator, "-o", folder)


def result(printed: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def test_the_client_of_openapi_generator_for_python_works(
    server: RunningServer, document: Path
) -> None:
    folder = document.parent / "client"
    generate("python", document, folder)
    bin = virtual_environment(
        *("pydantic>=2", "python-dateutil", "typing-extensions", "urllib3>=2.1"),
    )
    program = PROGRAMS / "openapi_generator.py"
    printed = run(bin / "python", program, server.url, server.key, PYTHONPATH=str(folder))
    assert result(printed) == EXPECTED


def test_the_client_of_openapi_generator_for_axios_works(
    server: RunningServer, document: Path
) -> None:
    packages = node_folder()
    folder = _copy_program("typescript_axios.ts", packages, document.parent)
    generate("typescript-axios", document, folder / "generated")
    assert result(_check_and_run(folder, "typescript_axios.ts", server)) == EXPECTED


def test_the_client_of_openapi_generator_for_go_works(
    server: RunningServer, document: Path
) -> None:
    folder = document.parent / "client"
    generate("go", document, folder)
    program = folder / "run"
    program.mkdir()
    shutil.copy(PROGRAMS / "openapi_generator.go", program / "main.go")
    bin = virtual_environment(*GENERATORS)
    more = {"GOPATH": str(document.parent / "go"), "GOFLAGS": "-mod=mod -modcacherw"}
    run(bin / "go", "build", "-o", "program", "./run", cwd=folder, GOPROXY="off", **more)
    assert result(run(folder / "program", server.url, server.key)) == EXPECTED


def test_the_client_of_openapi_python_client_works(server: RunningServer, document: Path) -> None:
    bin = virtual_environment(*GENERATORS)
    folder = document.parent / "client"
    generator = bin / "openapi-python-client"
    printed = run(generator, "generate", "--path", document, "--output-path", folder)
    missing = [line for line in printed.splitlines() if line.startswith("WARNING parsing")]
    # It supports no body but JSON and forms.
    assert all("POST /v1/contacts/import" in line for line in missing), printed
    program = PROGRAMS / "openapi_python_client.py"
    printed = run(bin / "python", program, server.url, server.key, PYTHONPATH=str(folder))
    assert result(printed) == EXPECTED


def test_the_types_of_openapi_typescript_work(server: RunningServer, document: Path) -> None:
    packages = node_folder()
    folder = _copy_program("openapi_typescript.ts", packages, document.parent)
    tool = packages / "node_modules" / ".bin" / "openapi-typescript"
    run(tool, document, "-o", folder / "schema.d.ts", cwd=packages)
    assert result(_check_and_run(folder, "openapi_typescript.ts", server)) == {
        name: value for name, value in EXPECTED.items() if name != "asked"
    }


def _copy_program(name: str, packages: Path, folder: Path) -> Path:
    """Make a folder with a program, from which Node finds its packages."""
    folder = folder / "program"
    folder.mkdir()
    shutil.copy(PROGRAMS / name, folder)
    (folder / "package.json").write_text('{"type": "module", "private": true}\n')
    (folder / "node_modules").symlink_to(packages / "node_modules")
    return folder


def _check_and_run(folder: Path, name: str, server: RunningServer) -> str:
    """Check the types of a program strictly, then run it."""
    tools = folder / "node_modules" / ".bin"
    strict = ("--strict", "--noEmit", "--skipLibCheck", "--target", "es2022")
    modules = ("--module", "esnext", "--moduleResolution", "bundler")
    run(tools / "tsc", *strict, *modules, name, cwd=folder)
    return run(tools / "tsx", name, server.url, server.key, cwd=folder)
