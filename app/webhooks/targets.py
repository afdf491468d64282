"""Which URLs a webhook may have, and which addresses it may be sent to."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.setting_values import Network, PrivateTargets

MAX_URL = 2_000
LOWEST_PORT = 1_024  # Except 80 and 443: lower ports belong to other protocols.

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL = re.compile(r"([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
# `is_global` is true for these, at least in some versions of Python.
_REFUSED = [
    ipaddress.ip_network(each)
    for each in (
        "168.63.129.16/32",  # Azure's platform, which answers virtual machines
        "192.0.0.0/24",  # Special purposes (RFC 6890), a metadata service among them
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "240.0.0.0/4",
        "::/96",  # IPv4-compatible (RFC 4291)
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b:1::/48",  # NAT64 of a local network (RFC 8215)
        "2001::/32",  # Teredo (RFC 4380)
        "3fff::/20",  # Documentation (RFC 9637)
        "5f00::/16",
        "fec0::/10",  # Site-local (RFC 3879)
    )
]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class TargetRefused(Exception):
    """A URL or address is not allowed; the text says why and quotes neither."""


@dataclass(frozen=True)
class Target:
    """A parsed URL; `path` includes the query, `host` is without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == default else f"{host}:{self.port}"


def _is_host_allowed(host: str, private: PrivateTargets) -> bool:
    """Return whether a host is allowed by its name, or is itself an allowed address."""
    literal = _literal(host)
    return host.rstrip(".") in private.hosts or bool(literal and _is_in(literal, private.networks))


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """Return whether an address is public; an embedded IPv4 address decides for IPv6."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and not _is_in(address, _REFUSED)


def _embedded(address: Address) -> Address | None:
    """Return the IPv4 address in an IPv6 one: mapped, 6to4 or NAT64 (RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def check_url(url: str, private: PrivateTargets) -> Target:
    """Parse a URL and check it without a DNS look-up. Raises `TargetRefused`."""
    if len(url) > MAX_URL or not _URL.fullmatch(url):
        raise TargetRefused(
            f"Must be a URL of at most {MAX_URL} characters, all others than those of RFC 3986 "
            "percent-encoded; write a host as xn--…."
        )
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise TargetRefused("Must be a URL, such as https://example.com/hook.") from None
    if parts.scheme not in ("https", "http") or "://" not in url:
        raise TargetRefused("Must begin with https://.")
    if "@" in parts.netloc or "#" in url:
        raise TargetRefused("Must not contain a user name, a password or a fragment.")
    if not (_is_address(host) or _HOST_NAME.fullmatch(host)) or len(host) > 253:
        raise TargetRefused("Must have a host, such as https://example.com/hook.")
    port = (443 if parts.scheme == "https" else 80) if port is None else port
    target = Target(
        parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    )
    _check_target(target, private)
    return target


def _check_target(target: Target, private: PrivateTargets) -> None:
    if _is_host_allowed(target.host, private):
        return
    if target.scheme != "https":
        raise TargetRefused("Must begin with https://.")
    if target.port < LOWEST_PORT and target.port not in (80, 443):
        raise TargetRefused(f"Its port must be 443, 80 or at least {LOWEST_PORT}.")
    literal = _literal(target.host)
    if literal and not is_public(literal):
        raise TargetRefused(_PRIVATE)


_PRIVATE = (
    "Its host has a private address: the setting CONTACTS_WEBHOOK_ALLOW_PRIVATE can allow it."
)


def resolve(target: Target, private: PrivateTargets) -> list[str]:
    """Look a host up once in the DNS and return all of its addresses.

    Raises `TargetRefused` if any of them is neither public nor allowed, `OSError` if there is
    none.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if not _is_host_allowed(target.host, private):
        for address in map(ipaddress.ip_address, addresses):
            if not is_public(address) and not _is_in(address, private.networks):
                raise TargetRefused(_PRIVATE)
    return addresses


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host  # A zone, which has a meaning on this machine only.


def _literal(host: str) -> Address | None:
    """Return the address that a host is, in any spelling (`0x7f.1`), or that of localhost."""
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, section 6.3
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return None
    return ipaddress.ip_address(found[0][4][0])
