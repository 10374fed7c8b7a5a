"""`scripts/emit TYPE --data JSON`: a CloudEvent into a Broker, a topic or a Service of the local platform."""

import argparse
import base64
import json
import os
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from scripts.local.clients import ToolError, get_json, send, urls
from scripts.local.events import CloudEvent, to_http, to_kafka
from scripts.local.issuer import issuer
from scripts.local.state import home


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/emit", description="Sends a CloudEvent into the local platform."
    )
    parser.add_argument("type", help="such as io.taskflow.task.completed.v1")
    parser.add_argument("--data", help="JSON, @FILE, or - for standard input")
    parser.add_argument("--subject")
    parser.add_argument("--source", default="/taskflow/emit")
    parser.add_argument("--id", help="default: a new UUIDv7")
    parser.add_argument("--user", help="partition key; with --to also the user whose token goes along")
    parser.add_argument(
        "--extension", action="append", default=[], metavar="NAME=TEXT", help="may be repeated"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--to", metavar="SERVICE", help="straight to a Service, public or not")
    where.add_argument("--topic", help="into a topic; default: the Broker's ingress")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Prints the answer; 0 if it is a 2xx, 1 otherwise."""
    choice = options(arguments)
    try:
        event = _event(choice)
        if choice.topic:
            status, body = _to_topic(event, choice.topic)
        elif choice.to:
            status, body = _post(f"{urls()['inner']}/{choice.to}/", event, user=choice.user)
        else:
            status, body = _post(_broker(), event, user=None)
    except (ToolError, ValueError, OSError) as error:
        print(f"scripts/emit: {error}", file=sys.stderr)
        return 1
    print(f"{status} {event['id']}")
    if body.strip():
        print(body.decode(errors="replace").rstrip())
    return 0 if 200 <= status < 300 else 1


def _event(choice: argparse.Namespace) -> CloudEvent:
    attributes = {
        "specversion": "1.0",
        "id": choice.id or uuid7(),
        "source": choice.source,
        "type": choice.type,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if choice.subject:
        attributes["subject"] = choice.subject
    if choice.user:
        attributes["partitionkey"] = choice.user
    for pair in choice.extension:
        name, found, text = pair.partition("=")
        if not found:
            raise ValueError(f"--extension {pair!r} is not NAME=TEXT")
        attributes[name] = text
    if choice.data is None:
        return CloudEvent(attributes)
    text = _text(choice.data)
    try:
        json.loads(text)
    except ValueError as error:
        raise ValueError(f"--data is not JSON: {error}") from None
    return CloudEvent({**attributes, "datacontenttype": "application/json"}, text.encode())


def _text(data: str) -> str:
    if data == "-":
        return sys.stdin.read()
    if data.startswith("@"):
        return Path(data[1:]).read_text(encoding="utf-8")
    return data


def _post(url: str, event: CloudEvent, *, user: str | None) -> tuple[int, bytes]:
    headers = dict(to_http(event))
    if user:
        headers["authorization"] = f"Bearer {issuer(home()).token(user)}"
    status, _, body = send(url, body=event.data or b"", headers=headers)
    return status, body


def _to_topic(event: CloudEvent, topic: str) -> tuple[int, bytes]:
    return publish(topic, [event])


def publish(topic: str, events: list[CloudEvent]) -> tuple[int, bytes]:
    """Appends events to a topic through the platform, in order; used by dlq.py too."""
    records = []
    for event in events:
        key, headers, value = to_kafka(event)
        records.append(
            {
                "topic": topic,
                "key": key.decode() if key is not None else None,
                "headers": {name: content.decode() for name, content in headers},
                "value": base64.b64encode(value).decode() if value is not None else None,
            }
        )
    status, _, body = send(
        f"{urls()['inner']}/records",
        body=json.dumps({"records": records}).encode(),
        headers={"content-type": "application/json"},
    )
    return status, body


def _broker() -> str:
    """The ingress of the only Broker; the status page knows it."""
    brokers = get_json(f"{urls()['status']}/status.json")["brokers"]
    if len(brokers) != 1:
        raise ToolError(f"there are {len(brokers)} Brokers; say --topic or --to")
    return str(brokers[0]["ingress"])


def uuid7() -> str:
    """48 bits of milliseconds, then random (RFC 9562)."""
    raw = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    raw[6], raw[8] = raw[6] & 0x0F | 0x70, raw[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))
