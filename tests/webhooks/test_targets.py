"""Which URLs a webhook may have, in all spellings of an address."""

import ipaddress

import pytest

from app.setting_values import PrivateTargets, parse_targets
from app.webhooks.targets import Target, TargetRefused, check_url, is_public, resolve

NOTHING = PrivateTargets()
PRIVATE = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
    *("169.254.169.254", "172.16.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
    *("168.63.129.16", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "fe80::1"),
    *("fd00:ec2::254", "fc00::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "2001::1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1"),
    *("::ffff:0:127.0.0.1", "100::1"),
]
PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_the_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target("https", "example.com", 443, "/")),
        ("https://EXAMPLE.com/a?b=c&d", Target("https", "example.com", 443, "/a?b=c&d")),
        ("https://example.com:8443/a%20b", Target("https", "example.com", 8443, "/a%20b")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
        ("https://1.1.1.1/", Target("https", "1.1.1.1", 443, "/")),
        ("https://[2606:4700::1111]/", Target("https", "2606:4700::1111", 443, "/")),
        ("https://example.com./", Target("https", "example.com.", 443, "/")),
    ],
)
def test_accepts_public_urls(url: str, target: Target) -> None:
    assert check_url(url, NOTHING) == target


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "//example.com/", "https:example.com", "https:///a", "https://"),
        *("http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://a.b/"),
        *("javascript:alert(1)", "unix:///run/docker.sock", "https://u:p@example.com/"),
        *("https://u@example.com/", "https://example.com@127.0.0.1/", "https://example.com/#a"),
        *("https://example.com\\@127.0.0.1/", "https://example.com/a b", "https://exa mple.com/"),
        *("https://example.com/\r\nHost: a", "https://bücher.example/", "https://①②⑦.⓪.⓪.①/"),
        *("https://example.com:22/", "https://example.com:0/", "https://example.com:65536/"),
        *("https://example.com:x/", "https://a..b/", f"https://{'a' * 64}.b/", "https://.a/"),
        *("https://[::1/", "https://[fe80::1%25eth0]/", "https://%31%32%37.0.0.1/"),
        "https://example.com/" + "a" * 2_000,
        f"https://{'a.' * 127}a/",
        # Addresses of this machine and its network, as they may be written.
        *("https://127.0.0.1/", "https://127.1/", "https://0x7f.1/", "https://2130706433/"),
        *("https://0177.0.0.1/", "https://0x7f000001/", "https://0/", "https://[::1]/"),
        *("https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/", "https://10.0.0.1./"),
        *("https://localhost/", "https://LOCALHOST./", "https://a.localhost/"),
    ],
)
def test_rejects_invalid_and_private_urls(url: str) -> None:
    with pytest.raises(TargetRefused):
        check_url(url, NOTHING)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:80/",
        "http://127.1:22/",
        "http://localhost:1/",
        "http://hooks.lan/",
        "https://10.0.0.1/",
    ],
)
def test_accepts_allowed_private_targets(url: str) -> None:
    assert check_url(url, parse_targets("127.0.0.0/8,10.0.0.1/32,hooks.lan"))


@pytest.mark.parametrize("url", ["http://10.0.0.2/", "https://10.0.0.2/", "http://a.hooks.lan/"])
def test_allowed_targets_open_no_other_address(url: str) -> None:
    with pytest.raises(TargetRefused):
        check_url(url, parse_targets("127.0.0.0/8,10.0.0.1/32,hooks.lan"))


@pytest.mark.parametrize("host", ["localhost", "0x7f.1", "2130706433", "127.1", "0177.0.0.1"])
def test_checks_the_addresses_of_a_name(host: str) -> None:
    target = Target("https", host, 443, "/")
    with pytest.raises(TargetRefused):
        resolve(target, NOTHING)
    assert "127.0.0.1" in resolve(target, parse_targets("127.0.0.0/8,::1/128"))
    assert "127.0.0.1" in resolve(target, PrivateTargets(hosts=(host,))) or host != "localhost"
