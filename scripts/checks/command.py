"""`scripts/test [check…] [-- pytest options]`: runs the checks, times each, ends as pytest ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.checks.steps import PROJECT, TIERS, Step, environment, static_steps, test_command

PYTEST_SECONDS = 30 * 60  # a hanging test must not hang continuous integration


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    name: str
    code: int
    seconds: float

    def __str__(self) -> str:
        return f"{'ok  ' if self.code == 0 else 'FAIL'} {self.name:<12} {self.seconds:6.1f} s"


def main(arguments: Sequence[str]) -> int:
    """1 if any check failed; all selected ones run regardless."""
    names, options = _split(arguments)
    known = [*(step.name for step in static_steps()), *TIERS]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such check: {', '.join(unknown)}", file=sys.stderr)
        print(f"usage: scripts/test [{'|'.join(known)}]… [-- pytest options]", file=sys.stderr)
        return 2
    outcomes = [_static(step) for step in static_steps() if not names or step.name in names]
    tiers = [tier for tier in TIERS if not names or tier in names]
    closing = ""
    if tiers:
        outcome, closing = _tests(tiers, options)
        outcomes.append(outcome)
    print("\n" + "\n".join(map(str, outcomes)))
    if closing:
        print(closing)
    return int(any(outcome.code for outcome in outcomes))


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    given = list(arguments)
    if "--" not in given:
        return given, []
    at = given.index("--")
    return given[:at], given[at + 1 :]


def _static(step: Step) -> Outcome:
    """Quiet when it passes."""
    print(f"… {step.name}", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=PROJECT,
        env=environment(os.environ),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        print(done.stdout, end="")
        print(f"{step.name} failed" + (f"; to fix it: {step.fix}" if step.fix else ""), flush=True)
    return Outcome(step.name, done.returncode, time.monotonic() - began)


def _tests(tiers: Sequence[str], options: Sequence[str]) -> tuple[Outcome, str]:
    """Pytest with its output as it comes; also its closing line."""
    print(f"… tests: {' '.join(tiers)}", flush=True)
    began = time.monotonic()
    colour = ("--color=yes",) if sys.stdout.isatty() else ()
    process = subprocess.Popen(
        (*test_command(tiers, options), *colour),
        cwd=PROJECT,
        env=environment(os.environ),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that a timeout ends the processes of the tests too
    )
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
    signal.alarm(PYTEST_SECONDS)
    closing = ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            closing = line.rstrip() or closing
        code = process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        code = process.wait()
    finally:
        signal.alarm(0)
    if code < 0:
        closing = f"tests were killed by signal {-code}; the limit is {PYTEST_SECONDS // 60} minutes"
    return Outcome("tests", code, time.monotonic() - began), closing
