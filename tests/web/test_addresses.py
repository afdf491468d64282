"""The address of a client, also behind trusted proxies."""

import pytest

from app.setting_values import parse_networks
from app.web.addresses import client_address

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        (CLIENT, None, "", CLIENT),
        (CLIENT, "198.51.100.1", "", CLIENT),
        (CLIENT, "198.51.100.1", "10.0.0.0/8", CLIENT),
        (PROXY, CLIENT, "10.0.0.0/8", CLIENT),
        (PROXY, None, "10.0.0.0/8", PROXY),
        (PROXY, "", "10.0.0.0/8", PROXY),
        # Addresses that a client invents come before the one that its first proxy appends.
        (PROXY, f"198.51.100.1, {CLIENT}", "10.0.0.0/8", CLIENT),
        (PROXY, f"198.51.100.1, {CLIENT}, 10.0.0.2", "10.0.0.0/8", CLIENT),
        (PROXY, f"{CLIENT},10.0.0.2", "10.0.0.1/32", "10.0.0.2"),
        (PROXY, "nonsense", "10.0.0.0/8", "unknown"),
        (PROXY, ",".join([CLIENT] * 10_000), "10.0.0.0/8", CLIENT),
        ("::ffff:10.0.0.1", CLIENT, "10.0.0.0/8", CLIENT),
        ("::1", "2001:db8:1:2:3:4:5:6", "::1/128", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", None, "", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", None, "", CLIENT),
        ("", None, "", "unknown"),
    ],
)
def test_returns_the_address_of_the_client(
    peer: str, forwarded: str | None, trusted: str, address: str
) -> None:
    environ = {"REMOTE_ADDR": peer}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    assert client_address(environ, parse_networks(trusted)) == address
