"""The address of a client, also behind trusted proxies."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from app.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(environ: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """Return the address that a limit applies to; for IPv6, its /64 network.

    X-Forwarded-For is read from its end, since each proxy appends the address of its own client,
    and only as long as the address before is in a `trusted` network.
    """
    address = str(environ.get("REMOTE_ADDR", ""))
    given = str(environ.get("HTTP_X_FORWARDED_FOR", "")) if trusted else ""
    for each in reversed(given.split(",")[-16:] if given else []):
        if not _is_within(address, trusted):
            break
        address = each.strip()
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed or "unknown")


def _is_within(address: str, networks: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in each for each in networks)


def _parsed(address: str) -> Address | None:
    """Return an address, or None if it is invalid; an IPv4-mapped IPv6 address as IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
