"""What can be said of the URL of a PostgreSQL database without its driver."""

import re

from app.errors import StartError

_HINT = "write special characters of its password as %2F for / and %40 for @"


def check_syntax(url: str) -> None:
    """Raise `StartError`, without a part of the URL, where it is malformed.

    A password with a character that must be encoded looks like a host, a port or a name.
    """
    wrong = _fault(url)
    if wrong:
        raise StartError(f"the URL of the database cannot be read: {wrong}; {_HINT}")


def _fault(url: str) -> str:
    place, _, parameters = url.partition("://")[2].partition("?")
    authority, _, name = place.partition("/")
    hosts = authority.rpartition("@")[2]
    if re.search("%(?![0-9A-Fa-f]{2})", url):
        return "% must be followed by two hexadecimal digits"
    if authority.count("@") > 1 or "@" in name:
        return "it has an @ in its host or in the name of the database"
    if hosts.count("[") != hosts.count("]"):
        return "an IPv6 address needs [ and ]"
    for host in hosts.split(","):
        if not re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]*)?", host):
            return "a port must be a number"
    if any("=" not in each for each in parameters.split("&") if each):
        return "a parameter must be written as name=value"
    return ""
