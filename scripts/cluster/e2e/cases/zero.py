"""From zero and back: the main job, how containers end, and what a cold start costs beside a bare hello."""

import statistics
import time
from collections.abc import Mapping

from scripts.cluster.api import Door, Unexpected, eventually
from scripts.cluster.e2e.bench import FUNCTIONS, Bench
from scripts.cluster.e2e.hello import hello
from scripts.cluster.e2e.results import Broke
from scripts.cluster.kubectl import items
from scripts.cluster.options import NAMESPACE
from scripts.cluster.smoke import smoke

_ROUNDS = 2
_WARM = 30


def main_job(bench: Bench) -> Mapping[str, str]:
    """A recurring task is created and completed while no function has a pod; everything else follows."""
    bench.asleep()
    door = bench.door()
    done = smoke(door, clock=time.monotonic)
    audited = eventually(
        "two audit entries",
        lambda: found if len(found := door.expect(200, "GET", "/v1/audit")["items"]) >= 2 else None,
        seconds=120,
    )
    verdict = door.expect(200, "GET", "/v1/audit/verify")
    if verdict["valid"] is not True:
        raise Broke(f"the audit chain is not valid: {verdict}")
    return {
        "creation from zero": f"{done.created:.2f} s",
        "completion": f"{done.completed:.2f} s",
        "next occurrence, `recurrence` from zero": f"{done.following:.2f} s after the completion",
        "audit entries": str(len(audited)),
    }


def back_to_zero(bench: Bench) -> Mapping[str, str]:
    """Every function that has run ends with exit code 0, and no preStop hook fails."""
    for service in ("tasks", "updates"):  # the others have been woken by events and ticks
        bench.door(service).request("GET", "/health/readiness")
    began = time.monotonic()
    bench.asleep()
    eventually("the last container's end", lambda: _seen(bench) >= set(FUNCTIONS), seconds=150, pause=1)
    ended = [item for item in bench.pods.ended() if item.service in FUNCTIONS]
    bad = [f"{item.pod}/{item.container}: {item.code} {item.reason}" for item in ended if item.code]
    hooks = [
        item["involvedObject"]["name"]
        for item in items("events", "--namespace", NAMESPACE)
        if item.get("reason") == "FailedPreStopHook"
    ]
    figures = {
        "containers ended": str(len(ended)),
        "functions": ", ".join(sorted(_seen(bench))),
        "with another code than 0": "; ".join(bad) or "none",
        "FailedPreStopHook events": ", ".join(hooks) or "none",
        "until all were at zero": f"{time.monotonic() - began:.0f} s",
    }
    if bad or hooks:
        raise Broke("a container did not end by itself", figures)
    return figures


def _seen(bench: Bench) -> set[str]:
    return {item.service for item in bench.pods.ended() if item.container == "function" and item.service}


def cold_and_warm(bench: Bench) -> Mapping[str, str]:
    """The first authenticated read of `tasks` beside the first answer of a bare functions-framework."""
    with hello(bench) as other:
        door = bench.door()
        cold: dict[str, list[float]] = {"tasks": [], "hello": []}
        for _ in range(_ROUNDS):
            bench.asleep(("tasks", "hello"))
            cold["hello"].append(_timed(other, "/"))
            cold["tasks"].append(_timed(door, "/v1/tasks"))
        warm = {
            name: statistics.median(_timed(one, path) for _ in range(_WARM))
            for name, one, path in (("tasks", door, "/v1/tasks"), ("hello", other, "/"))
        }
    first = {name: statistics.median(values) for name, values in cold.items()}
    return {
        "cold, hello": _list(cold["hello"]),
        "cold, first authenticated read": _list(cold["tasks"]),
        "cold ratio of the medians": f"{first['tasks'] / first['hello']:.2f}",
        "warm median, hello": f"{warm['hello'] * 1000:.0f} ms",
        "warm median, authenticated read": f"{warm['tasks'] * 1000:.0f} ms",
    }


def _timed(door: Door, path: str) -> float:
    answer = door.request("GET", path)
    if answer.status != 200:
        raise Unexpected(f"GET {path} answered {answer.status}: {answer.body[:200]!r}")
    return answer.seconds


def _list(values: list[float]) -> str:
    return ", ".join(f"{value:.2f} s" for value in values)
