"""Rejects requests of foreign web pages: other hosts (DNS rebinding) and other origins."""

import ipaddress
import re

from app.errors import Forbidden

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]*)?", re.IGNORECASE)


def check(host: str | None, origin: str | None) -> None:
    """Check the headers `Host` and `Origin`; no browser leaves out `Host`. Raises `Forbidden`."""
    if host is not None and not _is_loopback(host):
        raise Forbidden("The Host of a request to a stand-in must be localhost or 127.0.0.1.")
    if origin is not None and origin.lower() != f"http://{host}".lower():
        raise Forbidden("A stand-in serves no web page of another origin.")


def _is_loopback(host: str) -> bool:
    found = _HOST.fullmatch(host)
    if not found:
        return False
    name = (found[1] or found[2]).lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return f".{name}".endswith(".localhost")
