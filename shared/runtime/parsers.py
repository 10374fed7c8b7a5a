"""Parsers of settings: text of the environment → value, or ValueError saying what it must be.

Used by the `settings.py` of every function through `setting(parse=…)`. A message never shows the text: it
may be a secret.
"""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\]")
_TEXT = re.compile(r"[\x21-\x7e]{1,255}")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_DSN_SCHEMES = ("postgresql", "postgres")
_LONGEST_PAUSE, _LAST_PORT = 600, 65_535
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def integer(raw: str) -> int:
    """A whole number with an optional sign."""
    if not _WHOLE.fullmatch(raw.strip()):
        raise ValueError("must be a whole number")
    return int(raw)


def number(raw: str) -> float:
    """A decimal number with an optional sign."""
    if not _NUMBER.fullmatch(raw.strip()):
        raise ValueError("must be a number")
    return float(raw)


def boolean(raw: str) -> bool:
    """True or false, also written as 1/0, yes/no or on/off."""
    word = raw.strip().lower()
    if word not in (*_TRUE, *_FALSE):
        raise ValueError("must be true or false")
    return word in _TRUE


def text(raw: str) -> str:
    """A name without blanks or control characters."""
    if not _TEXT.fullmatch(raw):
        raise ValueError("must be up to 255 visible ASCII characters without blanks")
    return raw


def texts(raw: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(text(part.strip()) for part in raw.split(",") if part.strip())


def between(least: int, most: int) -> Callable[[str], int]:
    """A whole number within limits, both included."""

    def parse(raw: str) -> int:
        value = integer(raw)
        if not least <= value <= most:
            raise ValueError(f"must be at least {least} and at most {most}")
        return value

    return parse


def seconds(raw: str) -> float:
    """Seconds of a pause, 0 to 600."""
    value = number(raw)
    if not 0 <= value <= _LONGEST_PAUSE:
        raise ValueError(f"must be 0 to {_LONGEST_PAUSE} seconds")
    return value


def level(raw: str) -> str:
    """The name of a log level, in upper case."""
    if raw.upper() not in _LEVELS:
        raise ValueError(f"must be one of {', '.join(_LEVELS)}")
    return raw.upper()


def one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    """One of these words, in capitals or not."""

    def parse(raw: str) -> str:
        if raw.upper() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return raw.upper()

    return parse


def certificates(raw: str) -> str:
    """PEM certificates, as they are."""
    if "-----BEGIN CERTIFICATE-----" not in raw:
        raise ValueError("must be PEM certificates")
    return raw


def source_file(raw: str) -> str:
    """The path of an existing file."""
    if not Path(raw).is_file():
        raise ValueError("must be an existing file")
    return raw


def url(raw: str) -> str:
    """An absolute http(s) URL without credentials and without a fragment."""
    parts = _split(raw)
    if parts is None or parts.fragment or not parts.path.isascii():
        raise ValueError("must be a URL like https://host/path")
    return raw


def origins(raw: str) -> tuple[str, ...]:
    """Origins as a browser sends them (RFC 6454 §6.2), comma-separated: anything else would never match.

    >>> origins("https://app.example, http://localhost:5173")
    ('https://app.example', 'http://localhost:5173')
    """
    found = tuple(part.strip() for part in raw.split(",") if part.strip())
    if not all(_is_origin(part) for part in found):
        raise ValueError("must be origins like https://host or http://host:8080: lower case, no path, no '*'")
    return found


def bootstrap_servers(raw: str) -> str:
    """Kafka's `host:port[,host:port]`, or the URL of the local platform's log."""
    if raw.startswith(("http://", "https://")):
        return url(raw)
    for server in raw.split(","):
        host, colon, port = server.rpartition(":")
        if not (colon and _HOST.fullmatch(host) and _is_port(port)):
            raise ValueError("must be host:port[,host:port], without blanks")
    return raw


def dsn(raw: str) -> str:
    """A PostgreSQL connection string in either form of libpq, with a database and our own option."""
    options = _url_options(raw) if "://" in raw else _word_options(raw)
    if options is None or not options.get("dbname"):
        raise ValueError("must be like postgresql://role:password@host:5432/database")
    if not all(_is_port(port) for port in options.get("port", "5432").split(",")):
        raise ValueError(f"must have a port of 1 to {_LAST_PORT}")
    threshold = options.get("prepare_threshold", "none").lower()
    if threshold != "none" and not re.fullmatch(r"[0-9]{1,4}", threshold):
        raise ValueError("must have a prepare_threshold that is a number or none")
    return raw


def _url_options(raw: str) -> dict[str, str] | None:
    try:
        parts = urlsplit(raw)
        given = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        return None
    if parts.scheme not in _DSN_SCHEMES or not re.fullmatch(r"[\x21-\x7e]+", raw) or parts.fragment:
        return None
    places = parts.netloc.rpartition("@")[2].split(",")  # libpq takes several hosts
    ports = [port for place in places if (port := re.sub(r"^(\[.*\]|[^:]*):?", "", place))]
    return {"dbname": parts.path[1:], **({"port": ",".join(ports)} if ports else {}), **given}


def _word_options(raw: str) -> dict[str, str] | None:
    words = re.findall(r"([a-z_]+)=('(?:[^'\\]|\\.)*'|[^\s']+)(?=\s|$)", raw)
    left = re.sub(r"([a-z_]+)=('(?:[^'\\]|\\.)*'|[^\s']+)(?=\s|$)", "", raw)
    return None if left.strip() else {key: value.strip("'") for key, value in words}


def _split(raw: str) -> SplitResult | None:
    """The parts of an absolute http(s) URL with a usable host and port and no credentials, else None."""
    try:
        parts = urlsplit(raw)
        port = parts.port  # raises when it is no number
    except ValueError:
        return None
    host = parts.netloc.removesuffix(f":{port}") if port is not None else parts.netloc
    usable = parts.scheme in _DEFAULT_PORTS and _HOST.fullmatch(host) and port != 0
    return parts if usable and re.fullmatch(r"[\x21-\x7e]+", raw) else None


def _is_origin(raw: str) -> bool:
    parts = _split(raw)
    if parts is None or parts.path or parts.query or parts.fragment or raw != raw.lower():
        return False
    return parts.port != _DEFAULT_PORTS[parts.scheme] and f"{parts.scheme}://{parts.netloc}" == raw


def _is_port(raw: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", raw) is not None and 1 <= int(raw) <= _LAST_PORT
