"""Decodes CloudEvents 1.0.2 from HTTP requests, strictly, in both modes. `encoding` encodes them.

Called by `runtime.received`, the HTTP command route, `relay` and `updates`. The SDK is not used here: it
makes up missing ids and lets `ce-` headers override a structured event, so that duplicates would not be
recognised. Tests compare this decoder with it.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from shared.domain.errors import Invalid
from shared.domain.time_text import BadTime, read_time
from shared.messaging import strict_json

MAX_EVENT_BYTES = 1_048_576
# Bytes of UTF-8. Source and id together are a key of B-tree indexes, of which an entry holds 2,704 bytes.
MAX_IDENTITY, MAX_ATTRIBUTE = 1024, 4096
_REQUIRED = ("id", "source", "type")
_OPTIONAL = ("subject", "time", "datacontenttype", "dataschema")
MAX_NAME = 64  # characters
_NAME = re.compile(r"[a-z0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class InvalidCloudEvent(Invalid):
    """The request is not a valid CloudEvent."""

    code = "invalid_cloudevent"


class UnsupportedEncoding(InvalidCloudEvent):
    """The event's media type is not supported; use binary mode or application/cloudevents+json."""

    code = "unsupported_media_type"


@dataclass(frozen=True, kw_only=True)
class CloudEvent:
    """One event; `data` is decoded JSON, or None when there is none or it is not JSON.

    >>> headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "order.made"}
    >>> event = from_http({**headers, "content-type": "application/json", "ce-lang": "en"}, b'{"n": 1}')
    >>> event.type, event.data, dict(event.extensions)
    ('order.made', {'n': 1}, {'lang': 'en'})
    """

    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    data: Any = None  # JSON is dynamically typed
    extensions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def from_http(headers: Mapping[str, str], body: bytes, *, max_bytes: int = MAX_EVENT_BYTES) -> CloudEvent:
    """The event of a request; only Content-Type decides between binary and structured mode.

    Raises InvalidCloudEvent, UnsupportedEncoding, InvalidJson, or LimitExceeded above `max_bytes`.
    """
    lowered = _lowered(headers.items())
    media, _, parameters = lowered.get("content-type", "").partition(";")
    media = media.strip().lower()
    if not media.startswith("application/cloudevents"):
        return _from_binary(lowered, body, max_bytes)
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters)
    if media != "application/cloudevents+json" or (charset and charset[1].lower() != "utf-8"):
        raise UnsupportedEncoding
    return _from_structured(strict_json.loads(body, max_bytes=max_bytes))


def _lowered(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in items:
        lowered = name.lower()
        if lowered in found and lowered.startswith("ce-"):
            raise InvalidCloudEvent(f"Header {lowered} is repeated.")
        found[lowered] = value
    return found


def _from_binary(headers: Mapping[str, str], body: bytes, max_bytes: int) -> CloudEvent:
    attributes = {k[3:]: _header_text(k, v) for k, v in headers.items() if k.startswith("ce-")}
    if "datacontenttype" in attributes:
        raise InvalidCloudEvent("Attribute datacontenttype belongs into Content-Type.")
    content_type = headers.get("content-type") or None
    if content_type:
        attributes["datacontenttype"] = content_type
    _check_context(attributes)  # before the body, so that an event without valid attributes is not parsed
    data = strict_json.loads(body, max_bytes=max_bytes) if body and is_json(content_type) else None
    return _build(attributes, data)


def _from_structured(document: object) -> CloudEvent:
    if not isinstance(document, dict):
        raise InvalidCloudEvent("A structured event is a JSON object.")
    if "data" in document and "data_base64" in document:
        raise InvalidCloudEvent("Attribute data and data_base64 exclude each other.")
    attributes = {
        name: _member_text(name, value)
        for name, value in document.items()
        if value is not None and name not in ("data", "data_base64")
    }
    _check_context(attributes)
    if document.get("data_base64") is not None:
        return _build(attributes, _from_base64(document["data_base64"], attributes))
    return _build(attributes, document.get("data"))


def _from_base64(text: object, attributes: Mapping[str, str]) -> Any:
    try:
        if not isinstance(text, str):
            raise binascii.Error
        body = base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error, or text that is not ASCII
        raise InvalidCloudEvent("Attribute data_base64 is not base64.") from None
    readable = is_json(attributes.get("datacontenttype"))
    return strict_json.loads(body, max_bytes=MAX_EVENT_BYTES) if body and readable else None


def _check_context(attributes: Mapping[str, str]) -> None:
    if attributes.get("specversion") != "1.0":
        raise InvalidCloudEvent("Attribute specversion must be 1.0.")
    for name in _REQUIRED:
        if not attributes.get(name):
            raise InvalidCloudEvent(f"Attribute {name} is {'empty' if name in attributes else 'missing'}.")
    for name, value in attributes.items():
        _check_attribute(name, value)


def _check_attribute(name: str, value: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise InvalidCloudEvent("An attribute name is not 1 to 64 lower-case letters and digits.")
    if _CONTROL.search(value):
        raise InvalidCloudEvent(f"Attribute {name} has control characters.")
    limit = MAX_IDENTITY if name in _REQUIRED else MAX_ATTRIBUTE
    if len(value) > limit or len(value.encode()) > limit:
        raise InvalidCloudEvent(f"Attribute {name} is longer than {limit} bytes in UTF-8.")


def _build(attributes: Mapping[str, str], data: Any) -> CloudEvent:
    known = ("specversion", *_REQUIRED, *_OPTIONAL)
    # Dapr writes every attribute of its envelope, the ones without a value as "": empty means absent.
    attributes = {name: value for name, value in attributes.items() if value}
    return CloudEvent(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        subject=attributes.get("subject"),
        time=_parse_time(attributes.get("time")),
        datacontenttype=attributes.get("datacontenttype"),
        dataschema=attributes.get("dataschema"),
        data=data,
        extensions=MappingProxyType({k: v for k, v in attributes.items() if k not in known}),
    )


def _header_text(name: str, value: str) -> str:
    """Decodes a header per the HTTP binding §3.1.3.2: quoted string, then percent escapes, then UTF-8."""
    if quoted := _QUOTED.fullmatch(value):
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    try:
        raw = _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), value.encode("latin-1"))
        return raw.decode("utf-8")
    except UnicodeError:
        raise InvalidCloudEvent(f"Attribute {name.removeprefix('ce-')} is not UTF-8.") from None


def _member_text(name: str, value: object) -> str:
    """The canonical text of a JSON attribute: strings, and for extensions booleans and integers."""
    if isinstance(value, str):
        return value
    if name not in ("specversion", *_REQUIRED, *_OPTIONAL):
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
    raise InvalidCloudEvent(f"Attribute {name[:MAX_NAME]!r} has the wrong type.")


def _parse_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        value = read_time(text) if _TIME.fullmatch(text) else None
    except BadTime:
        value = None
    if isinstance(value, datetime):
        return value
    raise InvalidCloudEvent("Attribute time is not RFC 3339.")


def is_json(content_type: str | None) -> bool:
    """Whether data of this type is JSON in UTF-8; an event without a type has JSON data (spec §3.1)."""
    media, _, parameters = (content_type or "application/json").lower().partition(";")
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters)
    return (media.strip() == "application/json" or media.strip().endswith("+json")) and (
        charset is None or charset[1] == "utf-8"
    )
