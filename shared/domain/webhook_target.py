"""Where a webhook may be sent: pure rules about its URL and about the addresses that its host resolves to.
Called by `tasks` when an endpoint is saved and by `notifications` before every connection.

`ipaddress` alone is not enough: on Python 3.11 `is_global` is true for multicast, NAT64, 6to4 and
site-local addresses.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from shared.domain.errors import Invalid, invalid_field

MAX_URL, MAX_HOST = 2048, 253
PORTS = frozenset({443, 8443})
_REFUSED_V4 = (ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24"))  # protocol use, 6to4 relays
# Everything else is special (site-local fec0::/10), translated (NAT64 64:ff9b::/96) or unassigned.
_UNICAST_V6 = ip_network("2000::/3")
_REFUSED_V6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID, benchmarking and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: embeds an IPv4 address
        "3fff::/20",  # documentation
    )
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PATH = re.compile(r"[!$-;=?-Z\[\]_a-z~]*")  # printable ASCII without quotes, \ ^ ` { | } < > #
# Names that resolvers read as numbers: 127.1, 0x7f000001, 2130706433.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)")


@dataclass(frozen=True)
class Target:
    """A checked URL. `local`: only loopback addresses are allowed, with any port and plain HTTP too."""

    tls: bool
    host: str  # lower case, without the brackets of an IPv6 literal
    port: int
    path: str  # with its query
    local: bool

    @property
    def authority(self) -> str:
        """The `Host` header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def parse(url: str, *, allow_loopback: bool) -> Target:
    """`url` as a target, or `Invalid` (field `url`) naming the rule it breaks.

    https on port 443 or 8443, a public address or name, no user info, no fragment. With
    `allow_loopback` (the local platform) also http and any port, for loopback hosts only.

    >>> parse("https://example.com/hook", allow_loopback=False).authority
    'example.com'
    >>> parse("https://10.0.0.1/hook", allow_loopback=False)
    Traceback (most recent call last):
    shared.domain.errors.Invalid: url must not point at a private, loopback or otherwise special address
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        raise _refused("is not a URL") from None
    if len(url) > MAX_URL or "\\" in url or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise _refused(f"must be at most {MAX_URL} printable ASCII characters without blanks or backslashes")
    if parts.scheme not in ("https", "http"):
        raise _refused("must start with https://")
    if "@" in parts.netloc or parts.fragment or url.endswith("#"):
        raise _refused("must not contain user information or a fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH.fullmatch(path):
        raise _refused("has a path with characters that must be percent-encoded")
    target = Target(
        tls=parts.scheme == "https",
        host=host,
        port=port if port is not None else (443 if parts.scheme == "https" else 80),
        path=path,
        local=allow_loopback and _is_loopback_name(host),
    )
    _check(target, allow_loopback=allow_loopback)
    return target


def permitted(address: str, *, allow_loopback: bool, local: bool = False) -> bool:
    """Whether a connection to the literal `address` is allowed; with `local`, to a loopback address only."""
    parsed = _address(address)
    if parsed is None:
        return False
    if parsed.is_loopback:
        return allow_loopback
    return not local and _is_public(parsed)


def _check(target: Target, *, allow_loopback: bool) -> None:
    literal = _address(target.host)
    if literal is None and not _is_name(target.host):
        raise _refused("must have a host name of letters, digits and hyphens, or an IP address")
    if literal is not None and not permitted(target.host, allow_loopback=allow_loopback):
        raise _refused("must not point at a private, loopback or otherwise special address")
    if not allow_loopback and _is_loopback_name(target.host):
        raise _refused("must not point at this machine")
    if not target.local and not target.tls:
        raise _refused("must start with https://")
    if not target.local and target.port not in PORTS:
        raise _refused("must use port 443 or 8443")


def _is_name(host: str) -> bool:
    labels = host.split(".")
    numeric = _NUMERIC.fullmatch(labels[-1]) is not None  # the WHATWG rule "ends in a number"
    return len(host) <= MAX_HOST and not numeric and all(_LABEL.fullmatch(label) for label in labels)


def _is_loopback_name(host: str) -> bool:
    literal = _address(host)
    if literal is not None:
        return literal.is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that `text` spells, IPv4-mapped IPv6 unwrapped; None for anything else."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return None
        return parsed.ipv4_mapped or parsed
    return parsed


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _UNICAST_V6 and not any(address in network for network in _REFUSED_V6)


def _refused(rule: str) -> Invalid:
    message = f"url {rule}"
    return invalid_field("url", "invalid_url", message)
