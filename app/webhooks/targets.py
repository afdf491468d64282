"""Where a webhook may point: URLs, and the addresses behind them."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL = 2_000
LOWEST_PORT = 1_024  # But for those of http and https: below are other protocols' servers.

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL = re.compile(r"([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
# These pass `is_global`, or did so in some version of Python.
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
        "5f00::/16",
        "fec0::/10",  # Site-local (RFC 3879)
    )
]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class TargetRefused(Exception):
    """A URL or an address that is not sent to; the text says why, and quotes nothing."""


@dataclass(frozen=True)
class Target:
    """A checked URL in parts; `path` has the query. `host` is as in the URL, without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == default else f"{host}:{self.port}"


class Allowed:
    """The private networks and hosts that an operator has opened, with commas between."""

    def __init__(self, names: str = "") -> None:
        self._hosts: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for name in filter(None, names.split(",")):
            try:
                self._networks.append(ipaddress.ip_network(name))
            except ValueError:
                self._hosts.add(name)

    def host(self, host: str) -> bool:
        """Tell whether a host is opened by its name, or written as an opened address."""
        literal = _literal(host)
        return host.rstrip(".") in self._hosts or bool(literal and self._opened(literal))

    def address(self, host: str, address: Address) -> bool:
        return is_public(address) or self.host(host) or self._opened(address)

    def _opened(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the internet's, seen through what may wrap it."""
    inner = _unwrapped(address)
    if inner is not None:
        return is_public(inner)
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _REFUSED)
    )


def _unwrapped(address: Address) -> Address | None:
    """Return the IPv4 address that an IPv6 one leads to: mapped, 6to4 or NAT64 (RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def check_url(url: str, allowed: Allowed) -> Target:
    """Take a URL apart, once for all. Looks nothing up. Raises `TargetRefused`."""
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
        raise TargetRefused("Must not hold a user name, a password or a fragment.")
    if not (_is_address(host) or _HOST_NAME.fullmatch(host)) or len(host) > 253:
        raise TargetRefused("Must have a host, such as https://example.com/hook.")
    port = (443 if parts.scheme == "https" else 80) if port is None else port
    target = Target(
        parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    )
    _check_target(target, allowed)
    return target


def _check_target(target: Target, allowed: Allowed) -> None:
    if allowed.host(target.host):
        return
    if target.scheme != "https":
        raise TargetRefused("Must begin with https://.")
    if target.port < LOWEST_PORT and target.port not in (80, 443):
        raise TargetRefused(f"Its port must be 443, 80 or at least {LOWEST_PORT}.")
    literal = _literal(target.host)
    if literal and not is_public(literal):
        raise TargetRefused(_PRIVATE)


_PRIVATE = (
    "Its host has an address that is not the internet's: CONTACTS_WEBHOOK_ALLOW_PRIVATE opens one."
)


def resolve(target: Target, allowed: Allowed) -> list[str]:
    """Look a host up, once, and return all of its addresses, each checked.

    Raises `TargetRefused` where any of them is refused, `OSError` where there is none.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    for each in addresses:
        if not allowed.address(target.host, ipaddress.ip_address(each)):
            raise TargetRefused(_PRIVATE)
    return addresses


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host  # A zone, which is of this machine alone.


def _literal(host: str) -> Address | None:
    """Return the address that a host is by itself: in odd spellings (`0x7f.1`), or localhost."""
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, section 6.3
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return None
    return ipaddress.ip_address(found[0][4][0])
