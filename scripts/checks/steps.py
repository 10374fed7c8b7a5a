"""Which checks there are and how each is run. Read by `command`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TIERS = ("unit", "contract", "integration", "e2e")
COVERED = "90"  # percent of functions + shared, over all tiers
_BIN = Path(sys.executable).parent


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
        Step("contracts", (sys.executable, "scripts/contracts", "verify"), "scripts/contracts"),
    )


def test_command(tiers: Sequence[str], options: Sequence[str]) -> tuple[str, ...]:
    """Pytest over `tiers`; the coverage floor holds for all of them together and for no selection."""
    paths = [f"tests/{tier}" for tier in tiers if (PROJECT / "tests" / tier).is_dir()]
    floor = COVERED if set(tiers) == set(TIERS) and not options else "0"
    coverage = ("--cov", "--cov-report=term:skip-covered", f"--cov-fail-under={floor}")
    return (sys.executable, "-m", "pytest", *paths, *coverage, "--durations=10", *options)


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """For every step: the tools of the environment first, output as it comes."""
    return {**base, "PATH": f"{_BIN}:{base.get('PATH', '')}", "PYTHONUNBUFFERED": "1"}


def _mains() -> list[str]:
    """The entry points, which `[tool.mypy] exclude` leaves out of the whole run."""
    return sorted(str(path.relative_to(PROJECT)) for path in PROJECT.glob("functions/*/main.py"))


def _tool(name: str) -> str:
    return str(_BIN / name)
