"""The address of a client, and the URL that it called, also behind trusted proxies."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from app.setting_values import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAX_HOPS = 16
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)
_PREFIX = re.compile(r"(/[A-Za-z0-9._~%!$&'()*+,;=:@-]+)+")


def client_address(environ: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """Return the address that a limit applies to; for IPv6, its /64 network."""
    *_, address = _chain(environ, trusted)
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed or "unknown")


def public_url(environ: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """Return the URL of the service as its client sees it, without a `/` at the end.

    X-Forwarded-Proto, -Host and -Prefix count only if a `trusted` proxy sent the request. Of a
    list, the value that the outermost trusted proxy has added counts: a client can make up those
    before it.
    """
    hops = sum(1 for _ in _chain(environ, trusted)) - 1 if trusted else 0

    def forwarded(name: str) -> str:
        values = str(environ.get(f"HTTP_X_FORWARDED_{name}", "")).split(",")
        return values[-min(hops, len(values))].strip()

    return _url(
        *(map(forwarded, ("PROTO", "HOST", "PREFIX")) if hops else ("", "", "")),
        str(environ["wsgi.url_scheme"]),
        str(environ.get("HTTP_HOST", "")),
        str(environ.get("SCRIPT_NAME", "")),
        (str(environ["SERVER_NAME"]), str(environ["SERVER_PORT"])),
    )


@lru_cache(maxsize=256)
def _url(
    proto: str, host: str, prefix: str, scheme: str, own_host: str, path: str, own: tuple[str, str]
) -> str:
    """Put together what a proxy has forwarded, and where that is invalid the server's own."""
    scheme = proto.lower() if proto.lower() in ("http", "https") else scheme
    host = next(filter(_HOST.fullmatch, (host, own_host)), None) or _address(*own)
    prefix = prefix.rstrip("/") if _PREFIX.fullmatch(prefix.rstrip("/")) else quote(path)
    return f"{scheme}://{host}{prefix}"


def _chain(environ: Mapping[str, Any], trusted: Sequence[Network]) -> Iterator[str]:
    """Yield the address of the peer, and if that is trusted the address that it names, and so on.

    X-Forwarded-For is read from its end, since each proxy appends the address of its own client.
    """
    address = str(environ.get("REMOTE_ADDR", ""))
    yield address
    if not trusted or not _is_within(address, trusted):
        return
    given = str(environ.get("HTTP_X_FORWARDED_FOR", ""))
    for each in reversed(given.split(",")[-_MAX_HOPS:]):
        address = each.strip() or address
        yield address
        if not _is_within(address, trusted):
            return


def _address(name: str, port: str) -> str:
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


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
