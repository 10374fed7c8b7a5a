"""Runs one check: quietly for a static one, with its output as it comes for a tier of tests."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from scripts.checks.outcome import Outcome, counted
from scripts.checks.steps import BUDGETS, PROJECT, Step, environment, measured, test_command

TIER_SECONDS = 20 * 60  # a single hanging test ends much sooner: `faulthandler_timeout` in pyproject.toml
_NOTHING_SELECTED = 5  # pytest's exit code


def static(step: Step) -> Outcome:
    """Prints only when it fails."""
    outcome, said = _ended(step)
    if outcome.code:
        fix = f"; to fix it: {step.fix}" if step.fix else ""
        print(f"{said}{step.name} failed{fix}", flush=True)
    return outcome


def shown(step: Step) -> Outcome:
    """Prints what the command says."""
    outcome, said = _ended(step)
    print(said, end="", flush=True)
    return outcome


def _ended(step: Step) -> tuple[Outcome, str]:
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
    return Outcome(step.name, done.returncode, time.monotonic() - began), done.stdout


class Background(threading.Thread):
    """The static checks one after another while the tests run: they need a core for a minute."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__(name="static-checks")
        self._steps = steps
        self.outcomes: list[Outcome] = []

    def run(self) -> None:
        """Called by the thread."""
        self.outcomes += map(static, self._steps)


def tier(name: str, options: Sequence[str], extra: Mapping[str, str]) -> Outcome:
    """Pytest over one tier with `extra` in its environment."""
    print(f"… {name} tests", flush=True)
    began = time.monotonic()
    colour = ("--color=yes",) if sys.stdout.isatty() else ()
    process = subprocess.Popen(
        (*test_command(name, options), *colour),
        cwd=PROJECT,
        env=environment({**os.environ, **measured(), **extra}),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that a timeout ends the processes of the tests too
    )
    code, closing = _followed(process)
    if code == _NOTHING_SELECTED and options:
        code = 0  # -k may select tests of one tier only
    return Outcome(name, code, time.monotonic() - began, BUDGETS[name], counted(closing))


def _followed(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """The exit code and the last line that says something."""
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
    signal.alarm(TIER_SECONDS)
    closing = ""
    try:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                print(line, end="", flush=True)
                closing = line.rstrip() or closing
        code = process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise  # the tiers to come are not wanted either
    finally:
        signal.alarm(0)
    if code < 0:
        print(f"the tests were killed by signal {-code}; the limit is {TIER_SECONDS // 60} minutes")
    return code, closing
