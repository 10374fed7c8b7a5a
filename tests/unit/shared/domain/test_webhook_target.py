"""The rule on webhook URLs and addresses: 25 forms that must not be reached, and the ones that may."""

import pytest

from shared.domain.errors import Invalid
from shared.domain.webhook_target import parse, permitted

FORBIDDEN = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "203.0.113.7", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1",
    "64:ff9b:1::a00:1", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fec0::1", "fe80::1",
    "fe80::1%eth0", "fd00::1", "ff02::1", "2001:db8::1", "192.88.99.1", "100::1", "not-an-address", "",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_addresses_are_refused(address):
    assert not permitted(address, allow_loopback=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address):
    assert permitted(address, allow_loopback=False)
    assert permitted(address, allow_loopback=True)
    assert not permitted(address, allow_loopback=True, local=True)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_the_local_platform_adds_loopback_and_nothing_else(address):
    assert permitted(address, allow_loopback=True) is (
        address in {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"}
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://example.com:444/hook",
        "https://example.com:80/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://10.1.2.3/",
        "https://localhost/",
        "https://hooks.localhost/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://example.com.0x7f/",
        "https://user:pw@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com/#x",
        "https://example.com/#",
        "https://exa mple.com/",
        "https://example.com\\@10.0.0.1/",
        "https://example.com/\r\nX: y",
        "https://exämple.com/",
        "https://example.com./",
        "https://[fe80::1%25eth0]/",
        "https://-bad.example/",
        "https:///path",
        "https://",
        "ftp://example.com/",
        "gopher://example.com:443/",
        "//example.com/",
        "https://example.com:99999/",
        "https://example.com/" + "a" * 2048,
        'https://example.com/"x"',
        "",
    ],
)
def test_urls_that_are_refused(url):
    with pytest.raises(Invalid) as caught:
        parse(url, allow_loopback=False)
    assert caught.value.errors[0].field == "url"


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://example.com", "example.com", "/"),
        ("HTTPS://Example.COM/hook?a=1&b=%20", "example.com", "/hook?a=1&b=%20"),
        ("https://example.com:8443/x", "example.com:8443", "/x"),
        ("https://8.8.8.8/", "8.8.8.8", "/"),
        ("https://[2606:4700:4700::1111]:8443/", "[2606:4700:4700::1111]:8443", "/"),
        ("https://xn--exmple-cua.com/", "xn--exmple-cua.com", "/"),
    ],
)
def test_urls_that_are_allowed(url, authority, path):
    target = parse(url, allow_loopback=False)
    assert (target.authority, target.path, target.tls, target.local) == (authority, path, True, False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9001/x", "http://localhost:3000", "https://[::1]:5000/"])
def test_the_local_platform_may_use_http_and_any_port_on_loopback(url):
    assert parse(url, allow_loopback=True).local


@pytest.mark.parametrize("url", ["http://example.com/", "https://example.com:9000/", "http://10.0.0.1/"])
def test_the_local_platform_relaxes_nothing_else(url):
    with pytest.raises(Invalid):
        parse(url, allow_loopback=True)
