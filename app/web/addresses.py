"""Where a request comes from, as far as that can be trusted."""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(environ: Mapping[str, Any], trusted: str) -> str:
    """Return the address that a limit holds for: of IPv6, the network of 64 bits.

    What X-Forwarded-For says counts from `trusted` networks (with commas between) only, and from
    its end: each proxy adds the address that it was asked from.
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


def is_from_this_machine(environ: Mapping[str, Any]) -> bool:
    """Tell whether a program on this machine asks, not a proxy on it for somebody elsewhere."""
    peer = _parsed(str(environ.get("REMOTE_ADDR", "")))
    host = str(environ.get("HTTP_HOST", "")).rpartition("]")[0].lstrip("[")
    host = host or str(environ.get("HTTP_HOST", "")).partition(":")[0]
    asked = _parsed(host)
    return (
        peer is not None
        and peer.is_loopback
        and (host == "localhost" or (asked is not None and asked.is_loopback))
        and not any(name in environ for name in _FORWARDED)
    )


def _is_within(address: str, networks: str) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in each for each in _networks(networks))


def _parsed(address: str) -> Address | None:
    """Return an address; one of IPv4 in the clothes of IPv6 as what it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


@lru_cache(maxsize=8)
def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(each) for each in text.split(",") if each]
