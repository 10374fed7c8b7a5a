"""`scripts/test [check…] [-- pytest options]`: runs the checks, times each, ends as pytest ends."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence

from scripts.checks import running
from scripts.checks.database import TEMPLATE, template
from scripts.checks.outcome import Outcome, summary
from scripts.checks.steps import TIERS, Step, coverage_steps, static_steps, tools
from scripts.local.postgres_binaries import PostgresMissing


def main(arguments: Sequence[str]) -> int:
    """1 if any check failed; all selected ones run in any case."""
    names, options = _split(arguments)
    known = [*(step.name for step in static_steps()), *TIERS]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such check: {', '.join(unknown)}", file=sys.stderr)
        print(f"usage: scripts/test [{'|'.join(known)}]… [-- pytest options]", file=sys.stderr)
        return 2
    static = [step for step in static_steps() if not names or step.name in names]
    tiers = [tier for tier in TIERS if not names or tier in names]
    # Without this the server and the tests would go on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tested, checked = _run(static, tiers, options)
    print("\n" + "\n".join(map(str, [*checked, *tested])))
    if tested:
        print(f"{tools(os.environ)}\n{summary(tested)}")
    return int(any(outcome.code for outcome in [*tested, *checked]))


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    given = list(arguments)
    if "--" not in given:
        return given, []
    at = given.index("--")
    return given[:at], given[at + 1 :]


def _run(
    static: Sequence[Step], tiers: Sequence[str], options: Sequence[str]
) -> tuple[list[Outcome], list[Outcome]]:
    """The outcomes of the tiers and of everything else.

    Unit tests compute: they have the cores for themselves, and their budget says something. The others wait
    for a good part of their time, and the static checks fill it.
    """
    background = running.Background(static)
    erase, combine, report = coverage_steps(tiers, options)
    if tiers:
        running.static(erase)
    tested = [running.tier(name, options, {}) for name in tiers if name == "unit"]
    background.start()
    others = [name for name in tiers if name != "unit"]
    with _database(others) as extra:
        tested += [running.tier(name, options, extra) for name in others]
    background.join()
    if not tiers:
        return [], background.outcomes
    running.static(combine)
    return tested, [*background.outcomes, running.shown(report)]


@contextlib.contextmanager
def _database(tiers: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """The environment that tells the workers of all these tiers which template to clone."""
    with contextlib.ExitStack() as stack:
        try:
            dsns = stack.enter_context(template()) if tiers else None
        except PostgresMissing:
            if os.environ.get("CI") == "true":
                raise
            dsns = None  # the tests that need it skip themselves and say why
        yield {TEMPLATE: json.dumps(dict(dsns))} if dsns else {}
