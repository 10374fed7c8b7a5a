"""Which checks there are and how each is run. Read by `command`."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# Tier → its budget in seconds on two cores; together they and the static checks stay under ten minutes.
BUDGETS = {"unit": 10, "contract": 60, "integration": 300, "e2e": 600}
TIERS = tuple(BUDGETS)
COVERED = "90"  # percent of functions + shared, over all tiers
_UNITS = ("loadfile", "--no-loadscope-reorder")
_BIN = Path(sys.executable).parent
_REAL = ("go", "java", "helm", "helm3", "func", "kn", "tofu", "tflint", "daprd", "promtool")
_REAL = ("go", "java", "helm", "helm3", "func", "kn", "tofu", "tflint", "daprd", "promtool")


@dataclass(frozen=True)
class Step:
    """One command; `fix` is what a person runs when it fails."""

    name: str
    command: tuple[str, ...]
    fix: str = ""


def static_steps() -> tuple[Step, ...]:
    """The checks that run nothing of the project but its generators."""
    return (
        Step("lint", (_tool("ruff"), "check", "."), "ruff check --fix ."),
        Step("format", (_tool("ruff"), "format", "--check", "."), "ruff format ."),
        Step("types", (_tool("mypy"),)),
        Step("types-main", (_tool("mypy"), *_mains())),
        Step("imports", (_tool("lint-imports"), "--no-cache")),
        Step("dockerfile", (_tool("hadolint"), "Dockerfile")),
        Step("contracts", (sys.executable, "scripts/contracts", "verify"), "scripts/contracts"),
    )


def test_command(tier: str, options: Sequence[str]) -> tuple[str, ...]:
    """Pytest over one tier. Unit tests only compute: one worker for each core, test by test. The other tiers
    also wait for processes: two workers for each core, in the units of tests/scheduling.py.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count, order = (cores, ("worksteal",)) if tier == "unit" else (2 * cores, _UNITS)
    workers = ("--numprocesses", str(count), "--dist", *order)
    return (sys.executable, "-m", "pytest", f"tests/{tier}", *workers, "--durations=10", *options)


def coverage_steps(tiers: Sequence[str], options: Sequence[str]) -> tuple[Step, Step, Step]:
    """The steps before the tiers, and two after them; the minimum holds only when all tiers have run."""
    floor = COVERED if set(tiers) == set(TIERS) and not options else "0"
    program = (sys.executable, "-m", "coverage")
    return (
        Step("coverage", (*program, "erase")),
        Step("coverage", (*program, "combine", "--quiet")),
        Step("coverage", (*program, "report", f"--fail-under={floor}")),
    )


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """For every step: the tools of the environment first, then $TASKFLOW_TOOLS/bin; output as it comes.
    Compiled modules are kept whatever `base` says: hundreds of processes import the same ones.
    """
    kept = {name: value for name, value in base.items() if name != "PYTHONDONTWRITEBYTECODE"}
    own = base.get("TASKFLOW_TOOLS", "")
    places = [str(_BIN), own and f"{own}/bin", base.get("PATH", "")]
    return {**kept, "PATH": ":".join(filter(None, places)), "PYTHONUNBUFFERED": "1"}


def tools(base: Mapping[str, str]) -> str:
    """Which real programs that a fresh clone cannot install in seconds take part, and which do not.
    Tests that want a missing one skip themselves.
    """
    path = environment(base)["PATH"]
    here = {name: shutil.which(name, path=path) is not None for name in _REAL}
    took, missing = (", ".join(n for n in _REAL if here[n] is part) or "none" for part in (True, False))
    return f"real programs: {took}; not on PATH or in TASKFLOW_TOOLS: {missing}"


def measured() -> dict[str, str]:
    """The environment in which every Python process writes its coverage when it ends: workers of pytest and
    the functions that tests start alike. (A plugin of pytest would trace the workers a second time.)
    """
    return {
        "COVERAGE_PROCESS_START": str(PROJECT / "pyproject.toml"),
        "COVERAGE_FILE": str(PROJECT / ".coverage"),
    }


def _mains() -> list[str]:
    """The entry points, which `[tool.mypy] exclude` leaves out of the whole run."""
    return sorted(str(path.relative_to(PROJECT)) for path in PROJECT.glob("functions/*/main.py"))


def _tool(name: str) -> str:
    return str(_BIN / name)
