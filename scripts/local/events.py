"""CloudEvents on the wire: Kafka records and HTTP messages, both content modes.

Used by the dispatcher, the ingresses and the command line tools. Written from the CloudEvents 1.0.2 Kafka and
HTTP protocol bindings, independently of the codec of the functions: so an error in one of them is found.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote

Headers = tuple[tuple[str, bytes], ...]
HttpHeaders = tuple[tuple[str, str], ...]

_NAME = re.compile(r"^[a-z0-9]+$")
# Context attributes: an extension must not take one of these names.
CONTEXT = frozenset(
    {
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "data",
        "data_base64",
    }
)
_REQUIRED = ("specversion", "id", "source", "type")
_STRUCTURED = "application/cloudevents+json"
# HTTP binding 3.1.3.2: printable ASCII stays, except space, the double quote and the percent sign.
_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"%')


class MalformedEvent(ValueError):
    """The message has the form of a CloudEvent but is not a valid one."""


@dataclass(frozen=True)
class CloudEvent:
    """Attributes (with `datacontenttype`) by lower-case name, every value in its text form."""

    attributes: Mapping[str, str]
    data: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        missing = [name for name in _REQUIRED if not self.attributes.get(name)]
        if missing:
            raise MalformedEvent(f"required attribute missing: {', '.join(missing)}")
        if self.attributes["specversion"] != "1.0":
            raise MalformedEvent(f"specversion {self.attributes['specversion']!r} is not 1.0")
        bad = [name for name in self.attributes if not _NAME.match(name)]
        if bad:
            raise MalformedEvent(f"illegal attribute name: {', '.join(sorted(bad))}")
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    def extended(self, extensions: Mapping[str, str]) -> "CloudEvent":
        """A copy with more (or replaced) attributes."""
        return CloudEvent({**self.attributes, **extensions}, self.data)

    def without(self, names: Iterable[str]) -> "CloudEvent":
        """A copy without the named attributes."""
        dropped = set(names)
        return CloudEvent({k: v for k, v in self.attributes.items() if k not in dropped}, self.data)


def from_kafka(headers: Headers, value: bytes | None) -> CloudEvent | None:
    """The event of a record; None if the record has not the form of one; MalformedEvent if it is not
    valid.
    """
    named = {name.lower(): content for name, content in headers}
    content_type = _text(named.get("content-type", b""))
    if content_type.startswith(_STRUCTURED):
        return from_json(value or b"")
    if "ce_specversion" not in named:
        return None
    attributes = {name[3:]: _text(content) for name, content in named.items() if name.startswith("ce_")}
    return _binary(attributes, content_type, value)


def to_kafka(event: CloudEvent) -> tuple[bytes | None, Headers, bytes | None]:
    """Key (from `partitionkey`), headers and value of the binary form."""
    headers = [
        ("content-type" if name == "datacontenttype" else f"ce_{name}", text.encode())
        for name, text in event.attributes.items()
    ]
    key = event.get("partitionkey")
    return (key.encode() if key is not None else None), tuple(headers), event.data


def from_http(headers: Iterable[tuple[str, str]], body: bytes) -> CloudEvent | None:
    """The event of a request or response; None if it has not the form of one; MalformedEvent if not valid."""
    named = {name.lower(): content for name, content in headers}
    content_type = named.get("content-type", "")
    if content_type.startswith(_STRUCTURED):
        return from_json(body)
    if "ce-specversion" not in named:
        return None
    attributes = {name[3:]: unquote(text) for name, text in named.items() if name.startswith("ce-")}
    return _binary(attributes, content_type, body or None)


def to_http(event: CloudEvent) -> HttpHeaders:
    """Headers of the binary form; the body is the event's data."""
    return tuple(
        ("content-type", text) if name == "datacontenttype" else (f"ce-{name}", quote(text, safe=_SAFE))
        for name, text in event.attributes.items()
    )


def from_json(body: bytes) -> CloudEvent:
    """The event of a structured-mode JSON document."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise MalformedEvent(f"structured event is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedEvent("structured event is not a JSON object")
    attributes = {
        name: _canonical(value)
        for name, value in document.items()
        if name not in ("data", "data_base64") and value is not None
    }
    return CloudEvent(attributes, _json_data(document))


def to_json(event: CloudEvent) -> dict[str, Any]:
    """The structured form as a dictionary, for people and for the status page."""
    document: dict[str, Any] = dict(event.attributes)
    if event.data is None:
        return document
    try:
        return {**document, "data": json.loads(event.data)}
    except ValueError:
        return {**document, "data_base64": base64.b64encode(event.data).decode()}


def _binary(attributes: dict[str, str], content_type: str, data: bytes | None) -> CloudEvent:
    attributes.pop("datacontenttype", None)
    if content_type:
        attributes["datacontenttype"] = content_type
    return CloudEvent(attributes, data)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise MalformedEvent("a header is not UTF-8") from None


def _canonical(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise MalformedEvent("an attribute is neither a string, an integer nor a boolean")


def _json_data(document: dict[str, Any]) -> bytes | None:
    if "data_base64" in document:
        try:
            return base64.b64decode(document["data_base64"], validate=True)
        except (TypeError, binascii.Error):
            raise MalformedEvent("data_base64 is not Base64") from None
    if document.get("data") is None:
        return None
    data = document["data"]
    media = str(document.get("datacontenttype") or "application/json").partition(";")[0].strip()
    if isinstance(data, str) and not (media == "application/json" or media.endswith("+json")):
        return data.encode()
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
