"""`scripts/e2e-cluster`: runs the cases against the current cluster and writes docs/reports/cluster.md.

deploy-local.sh has installed everything; the cases change pods, revisions and rows of users of their own.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from scripts.bootstrap import PROJECT
from scripts.cluster import secrets
from scripts.cluster.api import Unexpected
from scripts.cluster.e2e import facts
from scripts.cluster.e2e.bench import FUNCTIONS, Bench, Commands
from scripts.cluster.e2e.cases import change, faults, scale, zero
from scripts.cluster.e2e.report import failed, render
from scripts.cluster.e2e.results import Broke, NotToBeHad, Result, read, write
from scripts.cluster.gateway import door, gateway
from scripts.cluster.kubectl import CommandFailed, secret_value
from scripts.cluster.options import KINDS, PORT, Options

REPORT = PROJECT / "docs/reports/cluster.md"
Case = Callable[[Bench], Mapping[str, str]]
CASES: Mapping[str, Case] = {
    "Main job with every function at zero": zero.main_job,
    "Back to zero, exit code 0 for each": zero.back_to_zero,
    "Cold and warm beside a bare functions-framework hello": zero.cold_and_warm,
    "Rolling update at 20 writes/s": change.rolling_update,
    "Slow request in flight at SIGTERM": change.slow_request_at_sigterm,
    "Bad image rolled back, old revision serving": change.bad_image,
    "Pod killed in mid-event": faults.killed_in_mid_event,
    "Replaced pod serving within 60 s": faults.replaced_pod,
    "Scale-out 1 → 3 → 1 under load": scale.out_and_back,
    "Database restarted": faults.database_restarted,
    "Broker restarted": faults.broker_restarted,
    "Memory: no OOMKilled, below 80 % of the limits": scale.memory,
}


def main(arguments: Sequence[str]) -> int:
    """0 when no case failed, 1 when one did, 2 when nothing is installed."""
    choice = _options(arguments)
    options = Options(choice.cluster, "core", choice.port, kafka=None, ingress=choice.ingress)
    try:
        bench = _bench(options, Commands(choice.restart_broker, choice.kill_container))
    except CommandFailed as error:
        print(f"STOP   {error}")
        return 2
    began, start = datetime.now(UTC), time.monotonic()
    bench.pods.open()
    bench.memory.open()
    try:
        ran = f"{began:%Y-%m-%d %H:%M} {facts.commit()}"
        new = [replace(_one(name, case, bench), ran=ran) for name, case in _chosen(choice.only)]
    finally:
        bench.memory.close()
        bench.pods.close()
    report = Path(choice.report)
    results = _with_the_last(new, report.with_suffix(".json"))
    about = facts.gather(began, time.monotonic() - start, options, _told(choice.fact))
    report.parent.mkdir(parents=True, exist_ok=True)
    write(report.with_suffix(".json"), results)
    report.write_text(render(about, results))
    print(f"wrote  {report}")
    return int(failed(results))


def run_case(name: str, case: Case, bench: Bench) -> Result:
    """The verdict: whatever a case raises but NotToBeHad is a failure."""
    began = time.monotonic()
    try:
        figures = case(bench)
    except NotToBeHad as reason:
        return Result(name, "NOT RUN", why=str(reason))
    except Broke as error:
        return Result(name, "FAIL", error.figures, str(error), time.monotonic() - began)
    except (Unexpected, CommandFailed, OSError, LookupError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        return Result(name, "FAIL", why=why, seconds=time.monotonic() - began)
    return Result(name, "PASS", figures, seconds=time.monotonic() - began)


def _one(name: str, case: Case, bench: Bench) -> Result:
    print(f"begin  {name}", flush=True)
    result = run_case(name, case, bench)
    print(f"{result.verdict:<8}{name}, {result.seconds:.0f} s {result.why}", flush=True)
    for key, value in result.figures.items():
        print(f"       {key}: {value}", flush=True)
    return result


def _chosen(only: Sequence[str]) -> list[tuple[str, Case]]:
    """All cases, or those that were asked for."""
    wanted = [word.lower() for word in only]
    return [
        (name, case)
        for name, case in CASES.items()
        if not wanted or any(word in name.lower() for word in wanted)
    ]


def _with_the_last(new: Sequence[Result], record: Path) -> list[Result]:
    """Every case in its place: the result of this run, or of the last that had it, which says when."""
    known = read(record) | {result.case: result for result in new}
    return [known.get(name) or Result(name, "NOT RUN", why="no run has had it yet") for name in CASES]


def _told(given: Sequence[str]) -> dict[str, str]:
    """`PART=VERSION` as a mapping."""
    return {part: version for part, _, version in (each.partition("=") for each in given)}


def _bench(options: Options, commands: Commands) -> Bench:
    issuer = secrets.issuer_of(secret_value(secrets.AUTH, "issuer-key"))
    hosts = {name: door(options, name).host for name in FUNCTIONS}
    return Bench(options, commands, issuer, gateway(options), hosts)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/e2e-cluster", description="The cases that only a real cluster can show."
    )
    add = parser.add_argument
    add("--cluster", choices=KINDS, default="current", help="whose gateway is used (default current)")
    add("--port", type=int, default=PORT, help="of the gateway of minikube or kind (default 8080)")
    add("--ingress", metavar="URL", help="the gateway, when it is not Kourier's")
    add("--restart-broker", metavar="COMMAND", help="restarts Kafka where it is no pod")
    add("--kill-container", metavar="COMMAND", help="SIGKILLs the container whose id is its last argument")
    add("--fact", action="append", default=[], metavar="PART=VERSION", help="what the cluster does not say")
    add("--only", action="append", default=[], metavar="WORDS", help="cases whose name contains the words")
    add("--report", default=str(REPORT), metavar="FILE", help="default docs/reports/cluster.md")
    return parser.parse_args(list(arguments))
