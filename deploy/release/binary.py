"""Builds `dist/contacts-VERSION-linux-ARCH`: the service, Python and SQLite in one file.

PyInstaller makes a folder (`build/binary/contacts`, which the container image takes as it is), and
`unpack.sh` in front of its archive makes one file of it. Beside it come the SHA-256 and an SBOM
(CycloneDX). Needs gcc and binutils, and npm for a newer SQLite than the machine's.
"""

import hashlib
import json
import platform
import shutil
import sqlite3
import ssl
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

from wheel import ROOT, build_wheel, environ, make_environment, run

PYINSTALLER = "pyinstaller==6.22.3"
# What PyInstaller takes its decisions from: another release may pack other files.
HOOKS = ("pyinstaller-hooks-contrib==2026.9", "altgraph==0.17.5")
CYCLONEDX = "cyclonedx-bom==7.5.0"
# Carries SQLite's own amalgamation in one C file.
SQLITE_SOURCE = "better-sqlite3@12.11.1"
SQLITE_SHA256 = "60d2f39a3726cd6b9021da6f4e868608d66fbb6528a9f513dc8ffcc640493422"
SQLITE_OPTIONS = ("-DSQLITE_THREADSAFE=1", "-DSQLITE_ENABLE_DBSTAT_VTAB", "-DSQLITE_DQS=0")
BUILD = ROOT / "build" / "binary"
# Scripts of other projects in app/console/static and app/api_docs/static.
VENDORED = (("htm", "3.1.1"), ("swagger-ui-dist", "5.35.0"))
UNUSED = (
    *("phonenumbers.geodata", "phonenumbers.carrierdata", "phonenumbers.tzdata"),
    *("tkinter", "setuptools", "pip", "readline", "curses"),
)


def build_folder(wheel: Path) -> Path:
    """Return the folder with the program `contacts` and all that it needs but the C library."""
    python = make_environment(BUILD / "runtime", f"{wheel}[postgres]")
    packages = run(python, "-c", "import site; print(site.getsitepackages()[0])").strip()
    tools = make_environment(BUILD / "tools", PYINSTALLER, *HOOKS, CYCLONEDX).parent
    options = ["--copy-metadata", "contacts-service", "--collect-data", "app"]
    # Modules that are imported by a name that only a running program knows.
    for package in ("app", "gunicorn", "phonenumbers.data"):
        options += ["--collect-submodules", package]
    for module in UNUSED:
        options += ["--exclude-module", module]
    run(
        *(tools / "pyinstaller", "--noconfirm", "--onedir", "--strip", "--name", "contacts"),
        *("--log-level", "ERROR", "--distpath", BUILD, "--workpath", BUILD / "work"),
        *("--specpath", BUILD, *options, Path(__file__).with_name("entry.py")),
        PYTHONPATH=packages,
    )
    # They name the folder of the build, and nothing reads them.
    for path in (BUILD / "contacts" / "_internal").glob("*.dist-info/*"):
        if path.name in ("RECORD", "direct_url.json"):
            path.unlink()
    return BUILD / "contacts"


def renew_sqlite(folder: Path) -> str:
    """Put the newest SQLite that we know into the folder; return the version it has then."""
    [library] = folder.glob("_internal/libsqlite3.so*")
    compiler, npm = shutil.which("gcc"), shutil.which("npm")
    if not (compiler and npm):
        sys.stderr.write("binary: no gcc or npm, so it keeps this machine's SQLite\n")
        return sqlite3.sqlite_version
    sources = BUILD / "sqlite"
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir()
    run(npm, "pack", "--silent", SQLITE_SOURCE, cwd=sources)
    [packed] = sources.glob("*.tgz")
    source = sources / "sqlite3.c"
    with tarfile.open(packed) as archive, source.open("wb") as target:
        packed_source = archive.extractfile("package/deps/sqlite3/sqlite3.c")
        assert packed_source
        shutil.copyfileobj(packed_source, target)
    if hashlib.sha256(source.read_bytes()).hexdigest() != SQLITE_SHA256:
        raise SystemExit(f"binary: {SQLITE_SOURCE} has another sqlite3.c than SQLITE_SHA256 says")
    options = ("-O2", "-fPIC", "-shared", "-s", *SQLITE_OPTIONS, f"-Wl,-soname,{library.name}")
    run(compiler, *options, source, "-o", library, "-lm", "-lpthread", "-ldl", cwd=sources)
    with source.open() as lines:
        return next(line.split('"')[1] for line in lines if "define SQLITE_VERSION " in line)


def pack(folder: Path, version: str) -> Path:
    """Return the file: the script that unpacks, then the archive, the same bytes each time."""
    name = f"contacts-{version}-linux-{platform.machine()}"
    archive = BUILD / "contacts.tar.gz"
    options = ("--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=go=")
    when = f"--mtime=@{environ()['SOURCE_DATE_EPOCH']}"
    with archive.open("wb") as out:
        tar = subprocess.Popen(
            ["tar", *options, when, "-C", folder, "-cf", "-", "."], stdout=subprocess.PIPE
        )
        subprocess.run(["gzip", "-9n"], stdin=tar.stdout, stdout=out, check=True)
        if tar.wait():
            raise SystemExit("binary: tar failed")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    script = Path(__file__).with_name("unpack.sh").read_text()
    lines = str(script.count("\n") + 1)
    script = script.replace("@NAME@", f"{name}-{digest[:12]}").replace("@LINES@", lines)
    target = ROOT / "dist" / name
    target.write_bytes(script.encode() + archive.read_bytes())
    target.chmod(0o755)
    return target


def write_sbom(target: Path, folder: Path, sqlite_version: str) -> Path:
    """Write what is inside: Python packages, scripts, Python, SQLite and other libraries in C."""
    made = run(
        *(BUILD / "tools" / "bin" / "cyclonedx-py", "environment", "--output-reproducible"),
        *("--output-format", "JSON", BUILD / "runtime"),
    )
    document = json.loads(made)
    document["metadata"]["component"] = {
        "type": "application",
        "bom-ref": target.name,
        "name": "contacts-service",
        "version": target.name.split("-")[1],
        "hashes": [_hash(target)],
    }
    for each in document["components"]:
        if each["name"] == "contacts-service":
            each.pop("externalReferences", None)  # Where the wheel lay in the build.
    unused = ("pip==", "setuptools==")
    for part, key in (("components", "bom-ref"), ("dependencies", "ref")):
        document[part] = [each for each in document[part] if not each[key].startswith(unused)]
    versions = (
        *(("cpython", platform.python_version()), ("sqlite", sqlite_version)),
        *(("openssl", ssl.OPENSSL_VERSION.split()[1]), ("zlib", zlib.ZLIB_RUNTIME_VERSION)),
        *(("pyinstaller", PYINSTALLER.split("==")[1]), *VENDORED),
    )
    document["components"] += [
        {"type": "library", "bom-ref": name, "name": name, "version": its} for name, its in versions
    ] + [
        {"type": "file", "bom-ref": path.name, "name": path.name, "hashes": [_hash(path)]}
        for path in sorted((folder / "_internal").glob("*.so*"))
    ]
    sbom = target.with_name(f"{target.name}.cdx.json")
    sbom.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    return sbom


def _hash(path: Path) -> dict[str, str]:
    return {"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}


def build(*, only_folder: bool) -> Path:
    """Build everything; return the path of the binary, or of its folder."""
    BUILD.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(ROOT / "dist")
    version = wheel.name.split("-")[1]
    folder = build_folder(wheel)
    sqlite_version = renew_sqlite(folder)
    if only_folder:
        return folder
    target = pack(folder, version)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_name(f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n")
    write_sbom(target, folder, sqlite_version)
    return target


if __name__ == "__main__":
    built = build(only_folder="--folder" in sys.argv)
    size = sum(each.stat().st_size for each in (built, *built.rglob("*")) if each.is_file()) / 1e6
    sys.stdout.write(f"{built.relative_to(ROOT)}: {size:.1f} MB\n")
