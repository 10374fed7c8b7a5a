"""Changing what runs, under writes: a rolling update, a pod that is ended, an image that does not exist."""

import threading
import time
from collections.abc import Mapping

from scripts.cluster import release
from scripts.cluster.api import eventually
from scripts.cluster.e2e.bench import Bench, pause
from scripts.cluster.e2e.load import Crowd, Sent, slow_write, summary, write
from scripts.cluster.e2e.results import Broke
from scripts.cluster.kubectl import read, run
from scripts.cluster.options import NAMESPACE, RELEASE

RATE = 20.0
_SLOW = 6.0  # seconds; receiving a request has 10
_GIVE_UP = 90  # seconds; Knative itself waits ten minutes for an image
# Without the jobs that come before a release: they have the same image and would wait for it first.
_WITH_AN_ABSENT_IMAGE = {
    "image": {"digest": "sha256:" + "0" * 63 + "1"},
    "migrations": {"enabled": False},
    "kafka": {"topics": {"manage": "none"}},
}


def rolling_update(bench: Bench) -> Mapping[str, str]:
    """20 writes a second while `tasks` gets a new revision and the old one again: all good, all stored."""
    before = _revision()
    _warm(bench)
    with Crowd([bench.door() for _ in range(10)], RATE) as crowd:
        pause(5)
        began = time.monotonic()
        level = {"INFO": "DEBUG"}.get(_level(), "INFO")
        error = bench.install({"functions": {"tasks": {"logLevel": level}}})
        took, after = time.monotonic() - began, _revision()
        pause(10)
        error = error or bench.install({})
        pause(10)
    sent, back = crowd.sent(), _revision()
    revisions = f"{before} → {after} → {back}"
    figures = {**summary(sent), "first helm-deploy took": f"{took:.0f} s", "revisions": revisions}
    if error or after == before or back != before:
        raise Broke(error or "no new revision came", figures)
    _all_good(sent, figures)
    bench.check_stored(sent, figures)
    return figures


def slow_request_at_sigterm(bench: Bench) -> Mapping[str, str]:
    """A request whose body is half there when its pod is ended is answered all the same."""
    _warm(bench)
    door, results = bench.door(), []
    victims = bench.pods.ready("tasks")
    sender = threading.Thread(target=lambda: results.append(slow_write(door, _SLOW)))
    sender.start()
    pause(_SLOW / 3)
    bench.end_pods(victims)
    sender.join()
    (sent,) = results
    figures = {
        "body took": f"{_SLOW:.0f} s, pod deleted after {_SLOW / 3:.0f} s",
        "answer": str(sent.status or sent.words),
        "after": f"{sent.seconds:.1f} s",
        "pods deleted": ", ".join(victims),
    }
    if sent.status != 201:
        raise Broke("the request in flight was lost", figures)
    eventually("the end of the old pods", lambda: set(victims) <= _ended(bench), seconds=120)
    codes = {item.code for item in bench.pods.ended() if item.pod in victims}
    figures["exit codes"] = ", ".join(map(str, sorted(codes)))
    if codes != {0}:
        raise Broke("a container was killed", figures)
    bench.check_stored([sent], figures)
    return figures


def bad_image(bench: Bench) -> Mapping[str, str]:
    """An image that does not exist: scripts/helm-deploy gives up and rolls back; the old revision never
    stops.
    """
    before, number = _revision(), _number()
    with Crowd([bench.door() for _ in range(5)], 5.0) as crowd:
        began = time.monotonic()
        error = bench.install(_WITH_AN_ABSENT_IMAGE, seconds=_GIVE_UP)
        took = time.monotonic() - began
        pause(3)
    sent = crowd.sent()
    figures = {
        **summary(sent),
        "helm-deploy said": error.rpartition("helm-deploy: ")[2][-300:],
        "after": f"{took:.0f} s",
        "Helm's revision": f"{number} → {_number()}",
        "revision that serves": _revision(),
    }
    if not error:
        raise Broke("helm-deploy called a release with an absent image ready", figures)
    digest = release.recorded()["image"]["digest"]
    if _revision() != before or digest not in run("helm", "get", "values", RELEASE, "--namespace", NAMESPACE):
        raise Broke("what ran before does not run again", figures)
    _all_good(sent, figures)
    bench.check_stored(sent, figures)
    return figures


def _warm(bench: Bench) -> None:
    eventually("a first write", lambda: write(bench.door()).status == 201, seconds=90)
    bench.awake("tasks")


def _all_good(sent: list[Sent], figures: Mapping[str, str]) -> None:
    bad = [item for item in sent if item.status != 201]
    if bad:
        raise Broke(
            f"{len(bad)} of {len(sent)} writes failed, first: {bad[0].status} {bad[0].words}", figures
        )


def _ended(bench: Bench) -> set[str]:
    return {item.pod for item in bench.pods.ended() if item.container == "function"}


def _revision() -> str:
    found = read("services.serving.knative.dev", "tasks", "--namespace", NAMESPACE)
    return str(found["status"]["traffic"][0]["revisionName"])


def _level() -> str:
    return str(release.recorded().get("functions", {}).get("tasks", {}).get("logLevel", "INFO"))


def _number() -> str:
    listed = run("helm", "list", "--namespace", NAMESPACE, "--filter", RELEASE, "--output", "yaml")
    line = next(line for line in listed.splitlines() if "revision:" in line)
    return line.partition(":")[2].strip().strip('"')
