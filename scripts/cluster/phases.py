"""Runs the phases of an installation: in order of what they need, side by side where they can, each timed.

A phase that fails stops those that need it; what runs beside it is waited for, so that nothing is cut off
half-way, and the next run continues where this one stopped because every phase finds its work done.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

Work = Callable[[], Sequence[str]]  # returns what it changed


@dataclass(frozen=True)
class Phase:
    """`after`: the phases that must be done before."""

    name: str
    work: Work
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ran:
    """How a phase ended; `error` is one line."""

    name: str
    seconds: float
    changed: tuple[str, ...] = ()
    error: str = ""


class Unordered(Exception):
    """A phase needs one that does not exist, or they need one another."""


def check(phases: Sequence[Phase]) -> None:
    """Raises Unordered unless every phase can run."""
    done: set[str] = set()
    left = list(phases)
    while left:
        ready = [phase for phase in left if done.issuperset(phase.after)]
        if not ready:
            raise Unordered(", ".join(f"{phase.name} after {phase.after}" for phase in left))
        done |= {phase.name for phase in ready}
        left = [phase for phase in left if phase.name not in done]


def run(
    phases: Sequence[Phase],
    say: Callable[[str], None],
    *,
    expected: tuple[type[Exception], ...] = (),
    clock: Callable[[], float] = time.monotonic,
) -> list[Ran]:
    """Every phase that could run, in the order of their ends. Exceptions other than `expected` are raised."""
    check(phases)
    results: dict[str, Ran] = {}
    with ThreadPoolExecutor(max_workers=len(phases) or 1) as pool:
        running: dict[Future[Ran], Phase] = {}
        waiting = list(phases)
        while waiting or running:
            for phase in [item for item in waiting if _ready(item, results)]:
                waiting.remove(phase)
                running[pool.submit(_one, phase, expected, clock)] = phase
            if not running:
                break  # what is left needs something that failed
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                ran = future.result()
                results[ran.name] = ran
                say(line(ran))
    return list(results.values())


def _ready(phase: Phase, results: Mapping[str, Ran]) -> bool:
    return all(name in results and not results[name].error for name in phase.after)


def _one(phase: Phase, expected: tuple[type[Exception], ...], clock: Callable[[], float]) -> Ran:
    began = clock()
    try:
        changed = tuple(phase.work())
    except expected as error:
        return Ran(phase.name, clock() - began, error=str(error))
    return Ran(phase.name, clock() - began, changed)


def line(ran: Ran) -> str:
    """What is printed when a phase has ended."""
    if ran.error:
        return f"FAILED {ran.name:<12} {ran.seconds:6.1f} s  {ran.error}"
    shown = ", ".join(ran.changed[:4]) + (f" and {len(ran.changed) - 4} more" if len(ran.changed) > 4 else "")
    return f"done   {ran.name:<12} {ran.seconds:6.1f} s  {shown or 'no change'}"
