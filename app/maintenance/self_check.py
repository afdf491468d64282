"""Checks whether this installation can run here, before there is a store: five findings."""

import os
import platform
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from app.database.sqlite.filesystem import network_filesystem
from app.maintenance.data_folder_checks import MIN_FREE_BYTES
from app.maintenance.doctor import Finding, check_sqlite
from app.settings import Settings
from app.version import VERSION, commit


def check_installation(settings: Settings) -> Iterator[Finding]:
    """Check the program, SQLite, the data folder, its free space and the address to listen on.

    Creates and changes nothing. A store that exists is for `contacts doctor` to check.
    """
    text = f"contacts-service {VERSION} (commit {commit()}) on Python {platform.python_version()}"
    yield Finding("program", "ok", f"{text}, {platform.system()} {platform.machine()}")
    yield check_sqlite()
    folder = _nearest_existing(settings.data)
    yield check_data_folder(settings.data, folder)
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e6:,.0f} MB"
    if free < MIN_FREE_BYTES:
        yield Finding("free space", "problem", text, "free some space: writes fail without it")
    else:
        yield Finding("free space", "ok", text)
    yield check_address(settings.host, settings.port)


def check_data_folder(wanted: Path, existing: Path) -> Finding:
    """Check that the data folder is local, and that this user may write it or create it."""
    network = network_filesystem(existing)
    if network:
        text = f"{wanted} is on a network file system ({network}), where SQLite loses data"
        return Finding("data folder", "problem", text, "choose a local one with --data")
    if not existing.is_dir() or not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        text = f"{wanted}: this user cannot write {existing}"
        return Finding("data folder", "problem", text, "run as its owner, or choose another --data")
    state = "exists" if existing == wanted else "is created at the first start"
    return Finding("data folder", "ok", f"{wanted} {state}")


def check_address(host: str, port: int) -> Finding:
    """Check that the server could listen on its address now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    text = f"{host}:{port}"
    try:
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
    except OSError as error:
        advice = "stop what listens there, or choose another --port"
        return Finding("address", "problem", f"{text}: {error.strerror}", advice)
    return Finding("address", "ok", f"{text} is free")


def _nearest_existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())
