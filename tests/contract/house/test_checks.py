"""`scripts/test` runs everything it is asked for, and says so when something of it failed."""

import sys

import pytest

from scripts.checks import command
from scripts.checks.steps import TIERS, Step, static_steps
from scripts.checks.steps import test_command as pytest_command


def test_an_unknown_check_is_refused(capsys):
    assert command.main(["untit"]) == 2
    assert "untit" in capsys.readouterr().err


def test_a_failure_stops_nothing_and_is_the_result(monkeypatch, capsys):
    steps = (
        Step("bad", (sys.executable, "-c", "raise SystemExit(3)"), "mend it"),
        Step("good", (sys.executable, "-V")),
    )
    monkeypatch.setattr(command, "static_steps", lambda: steps)

    assert command.main(["bad", "good"]) == 1
    said = capsys.readouterr().out
    assert "to fix it: mend it" in said
    assert "ok   good" in said
    assert command.main(["good"]) == 0


@pytest.mark.parametrize(
    ("tiers", "options", "floor"), [(TIERS, (), "90"), (("unit",), (), "0"), (TIERS, ("-x",), "0")]
)
def test_the_coverage_floor_holds_for_the_whole_run_only(tiers, options, floor):
    assert f"--cov-fail-under={floor}" in pytest_command(tiers, options)


def test_options_go_to_pytest():
    assert pytest_command(["unit"], ["-k", "due"])[-2:] == ("-k", "due")


def test_every_step_names_a_tool_that_is_there():
    names = [step.name for step in static_steps()]

    assert names == ["lint", "format", "types", "types-main", "imports", "contracts"]
