"""What is proved: every manifest of the project, and every object of every profile of the chart."""

import copy
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.local.document import read
from tests.contract.chart.rendered import PROFILES, render

Object = dict[str, Any]
PROJECT = Path(__file__).resolve().parents[3]
FOLDERS = ("kubernetes", "knative", "eventing")
PLAIN = "plain"  # the set of all files of FOLDERS, as somebody without Helm applies them
SETS = (PLAIN, *PROFILES)


def objects(name: str) -> list[Object]:
    """The objects of one set; a copy, so that a test may change it."""
    return copy.deepcopy(_objects(name))


@functools.cache
def _objects(name: str) -> list[Object]:
    if name != PLAIN:
        return render(*PROFILES[name])
    files = sorted(path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.yaml"))
    return [document for path in files for document in read(path)]


def label(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


def pods(item: Object) -> Iterator[Object]:
    """The pod spec of an object that makes pods."""
    match item["kind"]:
        case "Service" if item["apiVersion"].startswith("serving."):
            yield item["spec"]["template"]["spec"]
        case "Deployment" | "StatefulSet" | "DaemonSet" | "Job":
            yield item["spec"]["template"]["spec"]
        case "CronJob":
            yield item["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, text) of every text in an object, keys too."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield f"{path}.{key}", str(key)
            yield from texts(child, f"{path}.{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from texts(child, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value
