"""The catalog, the Triggers and the handlers say the same about who gets which event."""

import importlib
import itertools
import re

import pytest

from scripts.local.model import Feed, Wiring
from shared.events.base import Event
from shared.events.catalog import EVENTS, TOPICS, consumers

EXTENSIONS = ("recurring", "webhooks")
SUBSETS = [set(s) for n in range(len(EXTENSIONS) + 1) for s in itertools.combinations(EXTENSIONS, n)]
AUDIT_ONLY: set[str] = set()  # types that only `audit` reads whatever their extensions
HINT_READERS = {"task-updates": {"updates"}}  # no inbox row, so the catalog names nobody
NOT_PUBLISHED_BY_US = re.compile(r"dev\.knative\..+")


def live(wired: Wiring) -> list[Feed]:
    """The feeds of our topics; those of dead letters are another matter."""
    return [feed for feed in wired.feeds if not any(topic.endswith("-dlq") for topic in feed.topics)]


def reached(wired: Wiring, cls: type[Event], extensions: set[str]) -> set[str]:
    attributes = {"specversion": "1.0", "type": cls.type, "source": "/taskflow/tasks", "id": "1"}
    attributes |= dict.fromkeys(extensions, "true")
    return {f.sink.name for f in live(wired) if cls.topic in f.topics and f.filter(attributes)}


def unreconciled(documents) -> set[str]:
    """Functions whose lost events nobody republishes, by the word of their own Trigger."""
    labels = {
        d["metadata"]["name"]: d["metadata"]["labels"] for d in documents.values() if d["kind"] == "Trigger"
    }
    found = {name for name, given in labels.items() if given.get("taskflow/reconciled") == "false"}
    named = {c for event_type in EVENTS for c in consumers(event_type, set(EXTENSIONS))}
    assert not found & named, "the catalog names it: remove the label taskflow/reconciled from its Trigger"
    return found


@pytest.mark.parametrize("extensions", SUBSETS, ids=lambda s: "+".join(sorted(s)) or "plain")
@pytest.mark.parametrize("event_type", EVENTS)
def test_triggers_deliver_to_the_consumers_of_the_catalog(wired, documents, event_type, extensions):
    cls = EVENTS[event_type]
    expected = set(consumers(event_type, extensions)) | HINT_READERS.get(cls.topic, set())

    assert reached(wired, cls, extensions) - unreconciled(documents) == expected


@pytest.mark.parametrize("event_type", EVENTS)
def test_every_event_has_a_subscriber(wired, event_type):
    found = reached(wired, EVENTS[event_type], set(EXTENSIONS))

    assert found - {"audit"} or event_type in AUDIT_ONLY, f"nobody subscribes to {event_type}"
    assert found <= set(wired.services)


def test_an_unknown_type_wakes_nobody_but_audit(wired):
    class Stranger(Event):
        """A type that a newer release might send."""

        type = "io.taskflow.task.imagined.v1"

    assert reached(wired, Stranger, {"recurring"}) == {"audit"}


def test_every_type_in_a_filter_is_in_the_catalog(documents):
    for path, document in documents.items():
        for found in re.findall(r"'type': '([^']+)'", str(document.get("spec", {}).get("filters", []))):
            assert found in EVENTS or NOT_PUBLISHED_BY_US.fullmatch(found), f"{path}: {found}"


@pytest.mark.parametrize("event_type", EVENTS)
def test_handlers_accept_what_is_delivered(wired, event_type):
    for extensions in SUBSETS:
        for function in reached(wired, EVENTS[event_type], extensions) - {"updates"}:
            handler = importlib.import_module(f"functions.{function}.handler")
            accepts = getattr(handler, "ACCEPTS", None)
            assert accepts is None or event_type in accepts, f"{function} refuses {event_type}"


def test_topics_are_those_the_outbox_writes(wired):
    read = {topic for feed in live(wired) for topic in feed.topics}

    assert read == TOPICS
    assert {broker.topic for broker in wired.brokers.values()} <= TOPICS


def test_dead_letters_of_every_topic_are_recorded(wired):
    recorded = {t for f in wired.feeds if f.sink.name == "relay" for t in f.topics}

    assert recorded == {f"{topic}-dlq" for topic in TOPICS} == {sink.topic for sink in wired.sinks.values()}


def test_commands_never_come_through_a_trigger(wired):
    assert "tasks" not in {feed.sink.name for feed in wired.feeds}
