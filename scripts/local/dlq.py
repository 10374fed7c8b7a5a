"""`scripts/dlq list|show|replay`: dead letters of the local platform, or of any Kafka with --kafka.

A replay publishes the event again to its original topic with the same id (the consumers' inboxes make
that safe) and without what the delivery added to it.
"""

import argparse
import asyncio
import base64
import json
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from scripts.local.clients import ToolError, get_json, urls
from scripts.local.emit import publish
from scripts.local.events import CloudEvent, MalformedEvent, from_kafka, to_json, to_kafka
from scripts.local.topics import NewRecord, Topics, TopicsUnavailable

_T = TypeVar("_T")
SUFFIX = "-dlq"
# Added on the way into the dead letter topic: Knative's, the source's, and our Kne-* headers.
ADDED = frozenset(
    {
        "knativeerrordest",
        "knativeerrorcode",
        "knativeerrordata",
        "knativekafkapartition",
        "knativekafkaoffset",
        "errorclass",
        "function",
    }
)
_PAGE = 500


@dataclass(frozen=True)
class Letter:
    """A record of a dead letter topic; `event` None if it is not a CloudEvent."""

    topic: str
    partition: int
    offset: int
    event: CloudEvent | None

    @property
    def origin(self) -> str:
        return self.topic.removesuffix(SUFFIX)

    @property
    def id(self) -> str:
        return self.event["id"] if self.event is not None else "-"

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


Publish = Callable[[str, list[CloudEvent]], None]


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/dlq", description="Dead letters: list, show, replay.")
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="read and write this Kafka instead of the platform's topics"
    )
    parser.add_argument(
        "--topic", metavar="TOPIC", help="only this dead letter topic (or the topic it belongs to)"
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="one line per dead letter")
    show = actions.add_parser("show", help="one dead letter as JSON")
    show.add_argument("which", help="event id, or TOPIC/PARTITION@OFFSET")
    replay = actions.add_parser("replay", help="publish again to the original topic")
    replay.add_argument("which", nargs="*", help="event ids, or TOPIC/PARTITION@OFFSET")
    replay.add_argument("--all", action="store_true", help="every dead letter that was selected by --topic")
    replay.add_argument("--dry-run", action="store_true", help="say what would be published")
    choice = parser.parse_args(arguments)
    if choice.action == "replay" and bool(choice.which) == choice.all:
        replay.error("say which dead letters to replay, or --all")
    return choice


def main(arguments: list[str]) -> int:
    """0 when done, 1 with one line otherwise."""
    choice = options(arguments)
    try:
        letters, publishing = _kafka(choice.kafka) if choice.kafka else (_local(), _publish_local)
        wanted = [
            letter for letter in letters if not choice.topic or choice.topic in (letter.topic, letter.origin)
        ]
        if choice.action == "list":
            return _list(wanted)
        if choice.action == "show":
            return _show(_select(wanted, [choice.which])[0])
        return _replay(
            wanted if choice.all else _select(wanted, choice.which), publishing, dry=choice.dry_run
        )
    except ToolError as error:
        print(f"scripts/dlq: {error}", file=sys.stderr)
        return 1


def restored(event: CloudEvent) -> CloudEvent:
    """The event as it was before its delivery failed."""
    return event.without(ADDED)


def _list(letters: list[Letter]) -> int:
    for letter in letters:
        event = letter.event
        detail = (
            (
                event["type"],
                event.get("knativeerrorcode") or "no answer",
                event.get("errorclass") or "",
                event.get("knativeerrordest") or "",
            )
            if event is not None
            else ("not a CloudEvent",)
        )
        print("  ".join((letter.place, letter.id, *detail)))
    print(f"{len(letters)} dead letter(s)", file=sys.stderr)
    return 0


def _show(letter: Letter) -> int:
    document = to_json(letter.event) if letter.event is not None else None
    print(
        json.dumps(
            {"place": letter.place, "original_topic": letter.origin, "event": document},
            indent=1,
            ensure_ascii=False,
        )
    )
    return 0


def _replay(letters: list[Letter], publishing: Publish, *, dry: bool) -> int:
    done: set[tuple[str, str, str]] = set()
    for letter in letters:
        if letter.event is None:
            print(f"{letter.place}: not a CloudEvent, left alone", file=sys.stderr)
            continue
        event = restored(letter.event)
        key = (letter.origin, event["source"], event["id"])
        if key in done:  # dead-lettered more than once, or by two consumers: one copy serves both
            continue
        done.add(key)
        if not dry:
            publishing(letter.origin, [event])
        print(f"{'would replay' if dry else 'replayed'} {event['id']} to {letter.origin}")
    return 0


def _select(letters: list[Letter], names: Iterable[str]) -> list[Letter]:
    chosen = []
    for name in names:
        found = [letter for letter in letters if name in (letter.id, letter.place)]
        if not found:
            raise ToolError(f"no dead letter {name!r}; scripts/dlq list shows them")
        chosen += found
    return chosen


def _local() -> list[Letter]:
    status = urls()["status"]
    topics = {name: row["ends"] for name, row in get_json(f"{status}/status.json")["topics"].items()}
    return [
        letter
        for topic, ends in sorted(topics.items())
        if topic.endswith(SUFFIX)
        for partition, end in enumerate(ends)
        for letter in _pages(f"{status}/topics/{topic}?partition={partition}", end)
    ]


def _pages(url: str, end: int) -> Iterator[Letter]:
    offset = 0
    while offset < end:
        records = get_json(f"{url}&offset={offset}&limit={_PAGE}")["records"]
        for row in records:
            headers = tuple((name, text.encode()) for name, text in row["headers"].items())
            value = base64.b64decode(row["value"]) if row["value"] is not None else None
            yield Letter(row["topic"], row["partition"], row["offset"], _event(headers, value))
        if not records:
            return
        offset = records[-1]["offset"] + 1


def _publish_local(topic: str, events: list[CloudEvent]) -> None:
    status, body = publish(topic, events)
    if status != 200:
        raise ToolError(f"{topic}: {status} {body.decode(errors='replace').strip()}")


def _event(headers: tuple[tuple[str, bytes], ...], value: bytes | None) -> CloudEvent | None:
    try:
        return from_kafka(headers, value)
    except MalformedEvent:
        return None


def _kafka(servers: str) -> tuple[list[Letter], Publish]:
    """The same over a broker; every call has an event loop of its own."""

    def publishing(topic: str, events: list[CloudEvent]) -> None:
        records = [NewRecord(topic, *to_kafka(event)) for event in events]
        _with_topics(servers, lambda topics: topics.append(records))

    return _with_topics(servers, _letters), publishing


async def _letters(topics: Topics) -> list[Letter]:
    ends = await topics.ends()
    return [
        Letter(record.topic, record.partition, record.offset, _event(record.headers, record.value))
        for place, end in sorted(ends.items())
        if place[0].endswith(SUFFIX)
        for record in await topics.read(place, 0, limit=end)
    ]


def _with_topics(servers: str, work: Callable[[Topics], Coroutine[Any, Any, _T]]) -> _T:
    from scripts.local.kafka_log import KafkaTopics  # only with --kafka

    async def session() -> _T:
        topics = KafkaTopics(servers)
        try:
            await topics.discover()
            return await work(topics)
        except TopicsUnavailable as error:
            raise ToolError(str(error)) from None
        finally:
            await topics.close()

    return asyncio.run(session())
