"""The status listener (PORT+2): the state of the platform, as a page (`/`) and as JSON, and a few actions.

| request | does |
|---|---|
| `GET /status.json` | everything that runs, lags and failed (shape: docs/local-platform.md) |
| `POST /tick/<pingsource>` | one tick now, one attempt; answers when the function has answered |
| `POST /scale-to-zero/<service>` | ends the process of a Service now |
| `GET /topics/<topic>?offset=…&partition=…&limit=…` | stored records |
| `GET /logs/<service>` | the end of a function's log |
"""

import base64
import html
import json
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from scripts.local.asgi import Receive, Scope, Send, answer, answer_json, problem
from scripts.local.database import Database
from scripts.local.dispatch import Answer, Policy, describe
from scripts.local.events import MalformedEvent, from_kafka, to_json
from scripts.local.feeds import RunningFeed
from scripts.local.process import tail
from scripts.local.revision import Revision
from scripts.local.ticks import RunningTick
from scripts.local.topics import Partition, Record, Topics, TopicsUnavailable, UnknownTopic

_NOW = Policy(retry=0, backoff="linear", delay=0.0, timeout=600.0)
_READ_LIMIT = 1000
_DIGITS = 18
_HIDDEN = {"partitions", "pids", "port", "log"}  # on the page; status.json has them


class Problems:
    """The newest complaints of the platform; lost events are counted for ever."""

    def __init__(self) -> None:
        self._newest: deque[dict[str, str]] = deque(maxlen=50)
        self.lost = 0

    def add(self, where: str, message: str) -> None:
        self.lost += " LOST" in message
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._newest.append({"at": now, "where": where, "message": message})

    def newest(self) -> list[dict[str, str]]:
        return list(reversed(self._newest))


class Status:
    """The ASGI application of the status listener."""

    def __init__(
        self,
        *,
        topics: Topics,
        revisions: Mapping[str, Revision],
        feeds: list[RunningFeed],
        ticks: Mapping[str, RunningTick],
        problems: Problems,
        database: Database | None,
        facts: Mapping[str, Any],
        logs: Path,
    ) -> None:
        self._topics, self._revisions, self._feeds, self._ticks = topics, revisions, feeds, ticks
        self._problems, self._facts, self._logs = problems, facts, logs
        self._database = database

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        first, _, rest = scope["path"].strip("/").partition("/")
        if scope["method"] == "POST":
            await self._act(first, rest, send)
        elif first == "status.json":
            await answer_json(send, 200, await self.document())
        elif first == "topics":
            await self._records(rest, parse_qs(scope["query_string"].decode("latin-1")), send)
        elif first == "logs" and rest in self._revisions:
            await answer(
                send, 200, tail(self._logs / f"{rest}.log", 20000).encode(), kind="text/plain; charset=utf-8"
            )
        elif not first:
            await answer(send, 200, page(await self.document()).encode(), kind="text/html; charset=utf-8")
        else:
            await problem(send, 404, "not_found", detail="see / and /status.json")

    async def document(self) -> dict[str, Any]:
        """Everything as JSON."""
        try:
            starts, ends, trouble = await self._topics.starts(), await self._topics.ends(), None
        except TopicsUnavailable as error:
            starts, ends, trouble = {}, {}, str(error)
        topics = topic_rows(starts, ends)
        return {
            **self._facts,
            "database": {"postgresql": self._database.status()} if self._database else {},
            "services": {name: item.status() for name, item in self._revisions.items()},
            "sources": self._feed_rows("KafkaSource", ends),
            "triggers": self._feed_rows("Trigger", ends),
            "ticks": {name: item.status() for name, item in self._ticks.items()},
            "topics": topics,
            "topics_error": trouble,
            "dead_letters": {name: row["records"] for name, row in topics.items() if name.endswith("-dlq")},
            "lost_events": self._problems.lost,
            "problems": self._problems.newest(),
        }

    def _feed_rows(self, kind: str, ends: Mapping[Partition, int]) -> dict[str, object]:
        return {item.feed.name: item.status(ends) for item in self._feeds if item.feed.kind == kind}

    async def _act(self, action: str, name: str, send: Send) -> None:
        if action == "tick" and name in self._ticks:
            outcome = await self._ticks[name].fire(_NOW)
            status = outcome.status if isinstance(outcome, Answer) else 502
            document = {"pingsource": name, "status": status, "result": describe(outcome)}
            await answer_json(send, 200 if 200 <= status < 300 else status, document)
        elif action == "scale-to-zero" and name in self._revisions:
            await answer_json(send, 200, {"service": name, "stopped": await self._revisions[name].to_zero()})
        else:
            known = {"tick": sorted(self._ticks), "scale-to-zero": sorted(self._revisions)}
            await problem(send, 404, "no_such_action", detail=f"POST one of {json.dumps(known)}")

    async def _records(self, topic: str, query: Mapping[str, list[str]], send: Send) -> None:
        try:
            partition, offset, limit = (
                _number(query, name, default)
                for name, default in (("partition", 0), ("offset", 0), ("limit", 100))
            )
            records = await self._topics.read((topic, partition), offset, limit=min(limit, _READ_LIMIT))
        except ValueError as error:
            return await problem(send, 400, "bad_query", detail=str(error))
        except UnknownTopic as error:
            return await problem(send, 404, "unknown_topic", detail=str(error))
        except TopicsUnavailable as error:
            return await problem(send, 503, "topics_unavailable", detail=str(error))
        await answer_json(send, 200, {"records": [record_json(record) for record in records]})


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [str(default)])[0]
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ValueError(f"{name} is a whole number of at most {_DIGITS} digits")
    return int(text)


def topic_rows(starts: Mapping[Partition, int], ends: Mapping[Partition, int]) -> dict[str, dict[str, Any]]:
    """By topic: where its partitions begin and end, and how many records are still there."""
    topics: dict[str, dict[str, Any]] = {}
    for place, end in sorted(ends.items()):
        row = topics.setdefault(place[0], {"starts": [], "ends": [], "records": 0})
        start = min(starts.get(place, 0), end)
        row["starts"].append(start)
        row["ends"].append(end)
        row["records"] += end - start
    return topics


def record_json(record: Record) -> dict[str, Any]:
    """A record for people: the event in structured form when it is one."""
    try:
        event = from_kafka(record.headers, record.value)
    except MalformedEvent:
        event = None
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key.decode(errors="replace") if record.key is not None else None,
        "headers": {name: content.decode(errors="replace") for name, content in record.headers},
        "value": base64.b64encode(record.value).decode() if record.value is not None else None,
        "event": to_json(event) if event is not None else None,
        "damaged": record.damaged,
    }


def page(document: Mapping[str, Any]) -> str:
    """The status page: one table per list; reloads itself."""
    parts = [
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=2><title>TaskFlow local</title>",
        "<style>body{font:14px system-ui;margin:2em}th{border-bottom:1px solid}",
        "td,th{padding:.2em .8em;text-align:left;vertical-align:top}",
        ".bad{background:#c00;color:#fff;padding:.6em}</style><h1>TaskFlow local</h1>",
    ]
    if document["lost_events"]:
        parts.append(f"<p class=bad>{document['lost_events']} event(s) LOST: see problems</p>")
    for title in ("database", "services", "sources", "triggers", "ticks", "topics"):
        rows = [{"name": name, **row} for name, row in document[title].items()]
        parts += _table(title, rows)
    parts += _table("problems", document["problems"])
    return "\n".join(parts)


def _table(title: str, rows: list[dict[str, Any]]) -> list[str]:
    columns = [name for name in rows[0] if name not in _HIDDEN] if rows else []
    heads = "".join(f"<th>{name}" for name in columns)
    cells = ["<tr>" + "".join(f"<td>{html.escape(_cell(row[name]))}" for name in columns) for row in rows]
    return [f"<h2>{title}</h2><table><tr>{heads}", *cells, "</table>"]


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {item}" for name, item in value.items() if item)
    return "" if value is None else str(value)[:300]
