"""Parses the values of settings: each function returns a value, or raises `ValueError`.

The text of the error says what a value must be.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_HOST_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([a-z0-9_.-]{0,251}[a-z0-9])?")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class PrivateTargets:
    """Private networks and hosts that webhooks may reach; names are lower-case."""

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()


def parse_integer(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        digits = text.lstrip("0")[:20] or "0"
        if text.isascii() and text.isdigit() and lowest <= int(digits) <= highest:
            return int(digits)
        raise ValueError(f"a whole number from {lowest} to {highest}")

    return parse


def parse_choice(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(" or ".join(names))
        return text

    return parse


def parse_text(text: str) -> str:
    if not text.strip():
        raise ValueError("a value that is not empty")
    return text


def parse_path(text: str) -> Path:
    return Path(parse_text(text)).expanduser().resolve()


def parse_database_url(text: str) -> str:
    if not re.match(r"postgres(ql)?://", text):
        raise ValueError("a URL such as postgresql://user@host/database")
    return text


def parse_yes_or_no(text: str) -> bool:
    return parse_choice("no", "yes")(text) == "yes"


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return networks and addresses that are separated by commas. Raises `ValueError`."""
    try:
        return tuple(ipaddress.ip_network(each, strict=False) for each in _parts(text))
    except ValueError:
        raise ValueError("networks, separated by commas") from None


def parse_targets(text: str) -> PrivateTargets:
    """Return networks and host names that are separated by commas. Raises `ValueError`."""
    networks, hosts = [], []
    for each in _parts(text):
        try:
            networks.append(ipaddress.ip_network(each, strict=False))
        except ValueError:
            if not _HOST_NAME.fullmatch(each):
                raise ValueError("networks or host names, separated by commas") from None
            hosts.append(each)
    return PrivateTargets(tuple(networks), tuple(hosts))


def parse_durations(text: str) -> tuple[int, ...]:
    """Return durations that are separated by commas, in seconds. Raises `ValueError`."""
    found = [re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", each) for each in _parts(text)]
    seconds = tuple(int(each[1]) * _UNITS[each[2]] for each in found if each)
    if len(seconds) < len(found) or not 1 <= len(found) <= 20 or max(seconds) > 7 * _UNITS["d"]:
        raise ValueError("1 to 20 durations of at most 7d, such as 10s,60s,5m")
    return seconds


def parse_origins(text: str) -> tuple[str, ...]:
    """Return web origins that are separated by commas, as browsers send them (RFC 6454)."""
    origins = []
    for each in _parts(text):
        found = _ORIGIN.fullmatch(each)
        if not found:
            raise ValueError("origins such as https://app.example.com, separated by commas")
        scheme, host, port = found.groups("")
        is_default = (scheme, port) in (("http", ":80"), ("https", ":443"))
        origins.append(f"{scheme}://{host}{'' if is_default else port}")
    return tuple(origins)


def _parts(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]
