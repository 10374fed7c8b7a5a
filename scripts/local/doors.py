"""The inner listener (PORT+1): cluster-local Services, ingresses of Broker and KafkaSink, records, JWKS.

| request | does |
|---|---|
| Host `<service>.<namespace>.svc.cluster.local`, or path `/<service>/…` | that Service, public or not |
| `POST /broker/<namespace>/<broker>` | the Broker's ingress: 202, 400 not a CloudEvent, 503 not stored |
| `POST /sink/<namespace>/<kafkasink>` | the KafkaSink's ingress, same answers |
| `POST /records` | appends records (the functions' embedded-log adapter) |
| `GET /api/auth/jwks` | the issuer's public keys |
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from scripts.local.asgi import Receive, Scope, Send, answer, answer_json, header, problem, whole_body
from scripts.local.destinations import Destinations
from scripts.local.events import MalformedEvent, from_http
from scripts.local.gateway import forward
from scripts.local.model import Sink, Wiring
from scripts.local.revision import Revision
from scripts.local.topics import NewRecord, Topics, TopicsUnavailable, UnknownTopic

_INGRESS = re.compile(r"^/(broker|sink)/([a-z0-9-]+)/([a-z0-9-]+)$")


class Doors:
    """The ASGI application of the inner listener."""

    def __init__(
        self,
        wiring: Wiring,
        *,
        topics: Topics,
        revisions: Mapping[str, Revision],
        destinations: Destinations,
        jwks: Mapping[str, object],
    ) -> None:
        self._wiring, self._topics, self._revisions = wiring, topics, revisions
        self._destinations, self._jwks = destinations, jwks
        self._host = re.compile(
            rf"^([a-z0-9-]+)\.{re.escape(wiring.namespace)}\.svc\.cluster\.local(?::\d+)?$"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = self._host.match(header(scope, b"host").lower())
        if match:
            await self._service(match[1], scope, receive, send, target=None)
        elif found := _INGRESS.match(scope["path"]):
            await self._ingress(found, scope, receive, send)
        elif scope["path"] == "/records":
            await self._records(scope, receive, send)
        elif scope["path"] == "/api/auth/jwks":
            await answer_json(send, 200, self._jwks)
        else:
            name, _, rest = scope["raw_path"].decode("latin-1")[1:].partition("/")
            await self._service(name, scope, receive, send, target=f"/{rest}".encode("latin-1"))

    async def _service(
        self, name: str, scope: Scope, receive: Receive, send: Send, *, target: bytes | None
    ) -> None:
        if name not in self._revisions:
            await problem(
                send,
                404,
                "no_such_service",
                detail=f"no Service {name!r}; known: {', '.join(sorted(self._revisions))}",
            )
            return
        await forward(self._revisions[name], scope, receive, send, target=target)

    async def _ingress(self, found: re.Match[str], scope: Scope, receive: Receive, send: Send) -> None:
        kind: Literal["Broker", "KafkaSink"] = "Broker" if found[1] == "broker" else "KafkaSink"
        known = self._wiring.brokers if kind == "Broker" else self._wiring.sinks
        if found[2] != self._wiring.namespace or found[3] not in known:
            await problem(send, 404, "no_such_ingress", detail=f"no {kind} {found[2]}/{found[3]}")
        elif scope["method"] != "POST":
            await problem(send, 405, "method_not_allowed", detail="POST a CloudEvent")
        else:
            try:
                event = from_http(_texts(scope), await whole_body(receive))
            except MalformedEvent as error:
                return await problem(send, 400, "not_a_cloudevent", detail=str(error))
            if event is None:
                return await problem(
                    send, 400, "not_a_cloudevent", detail="neither ce-* headers nor a structured event"
                )
            result = await self._destinations.accept(event, Sink(kind, found[3]))
            await answer(send, result.status, result.body, kind="application/problem+json")

    async def _records(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            return await problem(send, 405, "method_not_allowed", detail="POST records")
        try:
            records = [_record(item) for item in json.loads(await whole_body(receive))["records"]]
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            detail = f'expected {{"records": [{{"topic", "key", "headers", "value": base64}}]}}: {error!r}'
            return await problem(send, 400, "bad_records", detail=detail)
        try:
            positions = await self._topics.append(records)
        except UnknownTopic as error:
            return await problem(send, 404, "unknown_topic", detail=str(error))
        except TopicsUnavailable as error:
            return await problem(send, 503, "topics_unavailable", detail=str(error))
        await answer_json(
            send,
            200,
            {
                "results": [
                    {"topic": at.topic, "partition": at.partition, "offset": at.offset} for at in positions
                ]
            },
        )


def _record(item: dict[str, Any]) -> NewRecord:
    key, value = item.get("key"), item.get("value")
    return NewRecord(
        topic=str(item["topic"]),
        key=cast(str, key).encode() if key is not None else None,
        headers=tuple(
            (str(name), cast(str, text).encode()) for name, text in (item.get("headers") or {}).items()
        ),
        value=base64.b64decode(value, validate=True) if value is not None else None,
    )


def _texts(scope: Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
