"""`scripts/bench NAME [options]`: runs one benchmark; every module here with a `main` is one."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence

NAMES = {
    "burst": "reads of `tasks` while ticked functions start: at once or one by one",
    "cold": "process start to first answer",
    "idle": "an idle minute: a tick for each function against one that asks",
    "quota": "the starts of `cold` under a CPU limit and without",
    "recurrence": "next occurrence against dateutil",
    "warm": "a read through the gateway and at the function, on fresh and on kept connections",
    "reminders": "100,000 reminders due in one minute",
}


def main(arguments: Sequence[str]) -> int:
    """The benchmark's exit code: 1 when it misses a goal; 2 for a wrong call."""
    name = arguments[0] if arguments else ""
    module = f"scripts.benchmarks.{name}"
    if name not in NAMES or importlib.util.find_spec(module) is None:
        lines = "\n".join(f"  {known:<12} {text}" for known, text in NAMES.items())
        print(f"usage: scripts/bench NAME [options]\n{lines}", file=sys.stderr)
        return 2
    code: int = importlib.import_module(module).main(list(arguments[1:]))
    return code
