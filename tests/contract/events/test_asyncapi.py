"""docs/asyncapi.yaml is valid AsyncAPI 3.1; its references resolve, its examples keep their schemas."""

import json
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from scripts.contract import files
from scripts.local.manifests import load
from shared.events.catalog import EVENTS, TOPICS

DOCS = files.PROJECT / "docs"
DOCUMENT = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
STANDARD = files.PROJECT / "tests/contract/standards/asyncapi-3.1.schema.json"


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def resolve(reference: str) -> Any:
    path = reference.removeprefix("#/").split("/")
    found = reduce(lambda node, key: node[key.replace("~1", "/").replace("~0", "~")], path, DOCUMENT)
    return resolve(found["$ref"]) if isinstance(found, dict) and "$ref" in found else found


def test_it_is_valid_asyncapi():
    errors = Draft7Validator(json.loads(STANDARD.read_text())).iter_errors(DOCUMENT)

    assert [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in errors] == []


def test_every_reference_resolves():
    for reference in set(references(DOCUMENT)):
        if reference.startswith("./"):
            assert (DOCS / reference).is_file(), reference
        else:
            assert resolve(reference) is not None, reference


def test_channels_are_the_topics_and_their_dead_letters():
    assert set(DOCUMENT["channels"]) == TOPICS | {f"{topic}-dlq" for topic in TOPICS}
    for topic in TOPICS:
        names = set(DOCUMENT["channels"][topic]["messages"])
        assert names == {t for t, cls in EVENTS.items() if cls.topic == topic}


def test_partitions_agree_with_the_manifests():
    wired = load(files.PROJECT).topics

    for name, channel in DOCUMENT["channels"].items():
        assert channel["bindings"]["kafka"]["partitions"] == wired[name].partitions


@pytest.mark.parametrize("event_type", EVENTS)
def test_examples_satisfy_headers_and_payload(event_type):
    message = DOCUMENT["components"]["messages"][event_type]
    headers = resolve(message["traits"][0]["$ref"])["headers"]
    payload = json.loads((DOCS / message["payload"]["schema"]["$ref"]).read_text())

    for shown in message["examples"]:
        Draft202012Validator(headers).validate(shown["headers"])
        Draft202012Validator(payload).validate(shown["payload"])


def test_operations_receive_only_messages_of_their_channel():
    for name, operation in DOCUMENT["operations"].items():
        channel = operation["channel"]["$ref"]
        assert operation["messages"], name
        assert all(m["$ref"].startswith(f"{channel}/messages/") for m in operation["messages"]), name
