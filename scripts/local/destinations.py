"""Hands one event to one sink, once: a Service's process, a KafkaSink, a Broker or a URI.

delivery.py and ticks.py call it, and retry. doors.py serves `accept`, the ingress of KafkaSinks and
Brokers, over HTTP.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from urllib.parse import urlsplit

from scripts.local.dispatch import Answer, NoAnswer, Outcome
from scripts.local.events import CloudEvent, to_http, to_json, to_kafka
from scripts.local.http_client import Broken, Exchange, Request, connect
from scripts.local.model import Sink, Wiring
from scripts.local.revision import Refused
from scripts.local.topics import NewRecord, Topics, TopicsUnavailable, UnknownTopic

_JSON = (("content-type", "application/problem+json"),)


class Reachable(Protocol):
    """A Service that takes requests: a process of this platform (`Revision`) or one of a cluster."""

    def exchange(self, request: Request) -> AbstractAsyncContextManager[Exchange]:
        """The response to a request, started; leaving the block ends the connection."""
        ...

    def body(self, exchange: Exchange) -> AsyncIterator[bytes]:
        """The pieces of the response's body."""
        ...


class Destinations:
    """Sends to every kind of sink of the wiring."""

    def __init__(self, wiring: Wiring, topics: Topics, revisions: Mapping[str, Reachable]) -> None:
        self._wiring, self._topics, self._revisions = wiring, topics, revisions

    async def send(self, event: CloudEvent, sink: Sink, *, timeout: float) -> Outcome:  # noqa: ASYNC109  # a NoAnswer
        """The answer to one binary POST, or why there is none."""
        try:
            async with asyncio.timeout(timeout):
                if sink.kind == "Service":
                    return await self._to_service(event, sink)
                if sink.kind == "URI":
                    return await self._to_uri(event, sink.name)
                return await self.accept(event, sink)
        except TimeoutError:
            return NoAnswer(f"no answer within {timeout:g} s")
        except Broken as error:
            return NoAnswer(str(error))

    async def accept(self, event: CloudEvent, sink: Sink) -> Answer:
        """The ingress of a KafkaSink or Broker: stores the event; 202, or 503 when it cannot."""
        structured = False
        if sink.kind == "KafkaSink":
            target = self._wiring.sinks[sink.name]
            topic, structured = target.topic, target.structured
        else:
            topic = self._wiring.brokers[sink.name].topic
        try:
            await self._topics.append([_record(event, topic, structured=structured)])
        except (TopicsUnavailable, UnknownTopic) as error:
            return Answer(503, _JSON, json.dumps({"status": 503, "detail": str(error)}).encode())
        return Answer(202)

    async def _to_service(self, event: CloudEvent, sink: Sink) -> Answer:
        revision = self._revisions[sink.name]
        host = f"{sink.name}.{self._wiring.namespace}.svc.cluster.local"
        try:
            async with revision.exchange(self._post(event, host, sink.path)) as exchange:
                body = b"".join([piece async for piece in revision.body(exchange)])
                return Answer(exchange.status, _texts(exchange.headers), body)
        except Refused as error:
            problem = {"status": error.status, "code": error.code, "detail": error.detail}
            return Answer(error.status, _JSON, json.dumps(problem).encode())

    async def _to_uri(self, event: CloudEvent, uri: str) -> Answer:
        parts = urlsplit(uri)
        if parts.scheme != "http":
            raise Broken(f"{uri}: only http is implemented for sinks outside the platform")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        exchange = await connect(parts.hostname or "", parts.port or 80)
        try:
            await exchange.start(self._post(event, parts.netloc, path))
            body = b"".join([piece async for piece in exchange.body()])
            return Answer(exchange.status, _texts(exchange.headers), body)
        finally:
            await exchange.close()

    def _post(self, event: CloudEvent, host: str, path: str) -> Request:
        data = event.data or b""
        headers = [
            ("host", host),
            *to_http(event),
            ("content-length", str(len(data))),
            ("prefer", "reply"),
            ("kn-namespace", self._wiring.namespace),
        ]
        raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers]
        return Request("POST", path.encode(), raw, data)


def _record(event: CloudEvent, topic: str, *, structured: bool) -> NewRecord:
    key, headers, value = to_kafka(event)
    if not structured:
        return NewRecord(topic, key, headers, value)
    document = json.dumps(to_json(event), ensure_ascii=False).encode()
    return NewRecord(topic, key, (("content-type", b"application/cloudevents+json"),), document)


def _texts(headers: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
