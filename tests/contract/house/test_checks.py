"""`scripts/test` runs everything it is asked for, and says so when something of it failed."""

import contextlib
import subprocess
import sys
import tomllib
from collections import Counter, OrderedDict
from types import SimpleNamespace

import pytest
from xdist.remote import Producer

from scripts.checks import command, running
from scripts.checks.outcome import Outcome, counted, summary
from scripts.checks.steps import (
    BUDGETS,
    PROJECT,
    TIERS,
    Step,
    coverage_steps,
    environment,
    static_steps,
    tools,
)
from scripts.checks.steps import test_command as pytest_command
from tests import scheduling

HANGS = """
import threading

def test_before():
    pass

def test_that_hangs():
    threading.Event().wait()

def test_after():
    pass
"""


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


def test_it_is_said_which_real_programs_took_part(tmp_path):
    (tmp_path / "bin").mkdir()
    helm = tmp_path / "bin/helm"
    helm.touch(0o755)

    said = tools({"PATH": "/nowhere", "TASKFLOW_TOOLS": str(tmp_path)})

    assert said.startswith("real programs: helm; not on PATH or in TASKFLOW_TOOLS: go, java, ")


def test_unit_tests_have_the_machine_for_themselves(monkeypatch):
    ran = []
    monkeypatch.setattr(command, "static_steps", lambda: (Step("static", (sys.executable, "-V")),))
    monkeypatch.setattr(command, "template", lambda: contextlib.nullcontext({"api": "dsn"}))
    for kind in ("static", "shown"):
        monkeypatch.setattr(running, kind, lambda step: ran.append(step.name) or Outcome(step.name, 0, 0.0))

    def tier(name, options, extra):
        ran.append((name, bool(extra)))
        return Outcome(name, 0, 0.0)

    monkeypatch.setattr(running, "tier", tier)

    assert command.main(["static", "contract", "unit"]) == 0
    assert ran[:2] == ["coverage", ("unit", False)]
    assert sorted(ran[2:4], key=str) == [("contract", True), "static"]


def test_modules_are_compiled_once_for_all_processes():
    found = environment({"PYTHONDONTWRITEBYTECODE": "1", "HOME": "/x"})

    assert found["HOME"] == "/x"
    assert "PYTHONDONTWRITEBYTECODE" not in found


@pytest.mark.parametrize(
    ("tiers", "options", "floor"), [(TIERS, (), "90"), (("unit",), (), "0"), (TIERS, ("-x",), "0")]
)
def test_the_coverage_floor_holds_for_the_whole_run_only(tiers, options, floor):
    *_, report = coverage_steps(tiers, options)
    assert report.command[-1] == f"--fail-under={floor}"


def test_options_go_to_pytest():
    assert pytest_command("unit", ["-k", "due"])[-2:] == ("-k", "due")


def test_every_step_names_a_tool_that_is_there():
    names = [step.name for step in static_steps()]

    assert names == ["lint", "format", "types", "types-main", "imports", "dockerfile", "contracts"]


def test_the_tiers_are_the_folders():
    folders = {path.name for path in (PROJECT / "tests").iterdir() if any(path.rglob("test_*.py"))}

    assert folders == set(TIERS) == set(BUDGETS)


def test_what_the_scheduling_names_is_there():
    for beginning in (*scheduling.TOGETHER, *scheduling.BY_CLASS, *scheduling.BY_TEST, *scheduling.FIRST):
        path, _, test = beginning.partition("[")[0].partition("::")
        assert (PROJECT / path).exists(), beginning
        assert test in (PROJECT / path).read_text() if test else True, beginning


def test_the_last_line_counts_the_tests_of_all_tiers():
    passed = Outcome("unit", 0, 1.0, 10, counted("===== 12 passed, 1 skipped in 0.52s ====="))
    broken = Outcome("e2e", 1, 1.0, 10, counted("3 failed, 2 passed, 1 error, 4 warnings in 61.00s"))

    assert summary([passed]) == "12 passed, 0 failed, 1 skipped"
    assert summary([passed, broken]) == "14 passed, 4 failed, 1 skipped"


def test_a_tier_that_died_without_a_count_is_a_failure():
    assert summary([Outcome("e2e", -9, 1.0, 10, Counter())]) == "0 passed, 1 failed, 0 skipped"


def test_a_tier_over_its_budget_is_shown():
    assert str(Outcome("unit", 0, 11.0, 10)).endswith("11.0 s of 10 s (over its budget)")


@pytest.mark.parametrize(("options", "code"), [(["-k", "nothing"], 0), ([], 1)])
def test_an_empty_tier_is_right_only_for_a_selection(monkeypatch, capfd, options, code):
    empty = (sys.executable, "-c", "print('no tests ran in 0.01s'); raise SystemExit(5)")
    monkeypatch.setattr(running, "test_command", lambda *_: empty)

    assert bool(running.tier("unit", options, {}).code) == bool(code)


class Worker:
    """What it is given by the scheduler."""

    shutting_down = False

    def __init__(self):
        self.given = []

    def send_runtest_some(self, indices):
        self.given += indices


class Gone(Worker):
    """It has ended, and nobody has heard of it yet."""

    def send_runtest_some(self, indices):
        raise OSError("cannot send (already closed?)")


def scheduler(workers):
    config = SimpleNamespace(getvalue=lambda _: [f"{workers}*popen"])
    return scheduling.Units(config, Producer("test", enabled=False))


def test_workers_that_die_in_one_moment_end_no_run():
    units = scheduler(2)
    first, second, tests = Gone(), Gone(), [f"test_{n}.py::test" for n in range(4)]
    units.registered_collections = dict.fromkeys((first, second), tests)
    units.assigned_work = {first: {"0": {tests[0]: False}}, second: {"1": {tests[1]: False}}}
    units.workqueue = OrderedDict({"2": {tests[2]: False}, "3": {tests[3]: False}})

    assert units.remove_node(first) == tests[0]
    assert units.remove_node(second) == tests[1]
    assert sorted(test for unit in units.workqueue.values() for test in unit) == tests[2:]


def test_nothing_waits_behind_a_long_test_but_the_one_that_it_needs():
    units, worker = scheduler(1), Worker()
    tests = [f"test_{n}.py::test" for n in range(4)]
    units.registered_collections, units.assigned_work = {worker: tests}, {worker: {}}
    units.workqueue = OrderedDict((str(n), {test: False}) for n, test in enumerate(tests))
    for _ in tests:
        units._reschedule(worker)

    assert worker.given == [0, 1]


@pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")])
def test_a_test_that_hangs_is_ended_named_and_shown(tmp_path, workers):
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert settings["faulthandler_exit_on_timeout"] is True
    assert 60 <= settings["faulthandler_timeout"] < running.TIER_SECONDS
    for name in ("one", "two"):  # both workers die in the same moment
        (tmp_path / f"test_{name}.py").write_text(HANGS)
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_xdist_make_scheduler")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfaulthandler_timeout = 2\nfaulthandler_exit_on_timeout = true\n"
        "addopts = --import-mode=importlib\n"
    )

    done = subprocess.run(
        (sys.executable, "-m", "pytest", "-v", *workers, "-p", "no:cacheprovider"),
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert done.returncode != 0
    assert "in test_that_hangs" in done.stderr, "the stack"
    assert "test_one.py::test_that_hangs" in done.stdout, "the name"
    if workers:
        assert "2 failed, 4 passed" in done.stdout, done.stdout
