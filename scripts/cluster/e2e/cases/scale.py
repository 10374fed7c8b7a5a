"""Scale and size: more pods under load and fewer after it; what the containers held during all cases."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping

from scripts.cluster.api import eventually
from scripts.cluster.e2e.bench import Bench
from scripts.cluster.e2e.load import Sent, slow_write, summary
from scripts.cluster.e2e.results import Broke

_SENDERS = 18  # in flight at once; a pod's target is 8, of which Knative uses 70 %
_BODY = 5.0
_MOST = 150.0
_SHARE = 0.8


def out_and_back(bench: Bench) -> Mapping[str, str]:
    """`tasks` with one pod; 18 requests in flight bring three; afterwards they go again."""
    eventually("a first answer", lambda: slow_write(bench.door(), 0.1).status == 201, seconds=90)
    bench.awake("tasks")
    began = time.monotonic()
    with _senders(bench) as sent:
        most = len(bench.awake("tasks", 3, seconds=_MOST))
        out = time.monotonic() - began
    ended = time.monotonic()
    eventually("one pod or none", lambda: len(bench.pods.of("tasks")) <= 1, seconds=_MOST)
    figures = {
        **summary(sent),
        "three pods after": f"{out:.0f} s",
        "ready pods": str(most),
        "one or none after": f"{time.monotonic() - ended:.0f} s without load",
    }
    bad = [item for item in sent if item.status != 201]
    if bad:
        raise Broke(
            f"{len(bad)} of {len(sent)} writes failed, first: {bad[0].status} {bad[0].words}", figures
        )
    bench.check_stored(sent, figures)
    return figures


@contextlib.contextmanager
def _senders(bench: Bench) -> Iterator[list[Sent]]:
    """18 of them while the block lasts; each ends what it has begun."""
    stop, sent = threading.Event(), list[Sent]()
    senders = [threading.Thread(target=_send, args=(bench, stop, sent)) for _ in range(_SENDERS)]
    for sender in senders:
        sender.start()
    try:
        yield sent
    finally:
        stop.set()
        for sender in senders:
            sender.join()


def _send(bench: Bench, stop: threading.Event, sent: list[Sent]) -> None:
    door = bench.door()
    while not stop.is_set():
        sent.append(slow_write(door, _BODY))


def memory(bench: Bench) -> Mapping[str, str]:
    """Over all cases: nothing was OOMKilled, and no container came near its limit."""
    killed = [f"{item.pod}/{item.container}" for item in bench.pods.ended() if item.reason == "OOMKilled"]
    allowed = bench.pods.limits()
    peaks = bench.memory.peaks()
    figures = {
        name: f"{peak:.0f} MiB" + (f" of {allowed[name]:.0f}" if name in allowed else ", no limit")
        for name, peak in sorted(peaks.items())
    }
    figures["OOMKilled"] = ", ".join(killed) or "none"
    large = [name for name, peak in peaks.items() if name in allowed and peak >= _SHARE * allowed[name]]
    if killed or large:
        raise Broke(f"too near the limit: {', '.join(killed + large)}", figures)
    if not peaks:
        raise Broke("no sample was taken", figures)
    return figures
