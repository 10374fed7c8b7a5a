"""`scripts/bench quota`: how much longer a start takes with `limits.cpu`: the starts of `cold` with a CPU
quota and without.

Every round starts every subject once with and once without; the first round is not counted. A throttled
period is one of 100 ms in which the process was stopped because its share was used up.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.benchmarks import cold
from scripts.benchmarks.cgroup import Group, Unavailable, limited
from scripts.benchmarks.cold import Subject

LEAST_ROUNDS = 5


@dataclass
class Pairs:
    """Milliseconds with and without the quota and throttled periods, one of each a round."""

    limited: list[float] = field(default_factory=list)
    free: list[float] = field(default_factory=list)
    throttled: list[int] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """2 when there can be no quota here."""
    parser = argparse.ArgumentParser(prog="scripts/bench quota", description=__doc__)
    parser.add_argument("--cpu", type=float, default=0.5, help="processors, as limits.cpu (0.5 = 500m)")
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"at least {LEAST_ROUNDS}")
    given = parser.parse_args(arguments)
    try:
        with limited(given.cpu) as group:
            _report(_run(group, max(LEAST_ROUNDS, given.rounds)), given.cpu)
    except Unavailable as reason:
        print(f"scripts/bench quota: {reason}", file=sys.stderr)
        return 2
    return 0


def _run(group: Group, rounds: int) -> Mapping[str, Pairs]:
    with tempfile.TemporaryDirectory(prefix="taskflow-quota-") as name, cold.subjects(Path(name)) as found:
        subjects = [subject for subject in found if subject.path != cold.LIVE]
        pairs = {subject.name: Pairs() for subject in subjects}
        for number in range(rounds + 1):
            for subject in cold.rotated(subjects, number):
                _pair(subject, group, Path(name) / "log", pairs[subject.name] if number else Pairs())
    return pairs


def _pair(subject: Subject, group: Group, log: Path, pairs: Pairs) -> None:
    before = group.throttled()
    inside = replace(subject, command=group.entering(subject.command))
    pairs.limited.append(cold.measure(inside, log)[0])
    pairs.throttled.append(group.throttled() - before)
    pairs.free.append(cold.measure(subject, log)[0])


def _report(pairs: Mapping[str, Pairs], cpu: float) -> None:
    print(
        f"{'start to first answer':<34}{f'cpu {cpu:g}':>9}{'no limit':>10}{'x':>7}{'throttled periods':>19}"
    )
    for name, found in pairs.items():
        ratio = statistics.median(one / other for one, other in zip(found.limited, found.free, strict=True))
        periods = f"{min(found.throttled)}-{max(found.throttled)}"
        wall, free = statistics.median(found.limited), statistics.median(found.free)
        print(f"{name:<34}{wall:9.0f}{free:10.0f}{ratio:7.2f}{periods:>19}")
    rounds = len(next(iter(pairs.values())).free)
    print(f"milliseconds, medians of {rounds} interleaved rounds")
