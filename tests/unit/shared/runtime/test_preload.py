"""What is loaded in the background: after the first answer, never beside a request, and whatever fails."""

import logging
import sys
import threading

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from shared.runtime import entry, lifecycle, preload
from shared.runtime.preload import Preload


class Steps:
    """Steps that say when they run."""

    def __init__(self):
        self.done = []
        self.ran = threading.Condition()

    def __call__(self, name, outcome=None):
        def step():
            with self.ran:
                self.done.append(name)
                self.ran.notify_all()
            if outcome is not None:
                raise outcome

        return step

    def wait(self, *names):
        with self.ran:
            assert self.ran.wait_for(lambda: self.done == list(names), timeout=10), self.done


@pytest.fixture
def steps(monkeypatch):
    monkeypatch.setattr(preload, "SETTLE_SECONDS", 0.0)
    return Steps()


def ended():
    for thread in threading.enumerate():
        if thread.name == "preload":
            thread.join(timeout=10)
            assert not thread.is_alive()


def test_nothing_happens_before_the_first_answer_and_everything_in_order_after_it(steps):
    background = Preload([steps("one"), steps("two")])
    background.start()
    assert steps.done == []

    background.answered()
    steps.wait("one", "two")
    ended()


def test_the_end_of_a_request_is_an_answer_too(steps):
    background = Preload([steps("one")])
    background.start()
    with background.serving():
        assert steps.done == []
    steps.wait("one")
    ended()


def test_no_step_begins_while_a_request_is_at_work(steps, monkeypatch):
    monkeypatch.setattr(preload, "PATIENCE_SECONDS", 60.0)
    entered, go_on = threading.Event(), threading.Event()

    def slow():
        entered.set()
        assert go_on.wait(10)

    background = Preload([slow, steps("next")])
    background.start()
    background.answered()
    assert entered.wait(10)
    with background.serving():
        with background.serving():
            go_on.set()
        with background._changed:  # the first step is over, the second waits for both requests
            assert not background._changed.wait_for(lambda: steps.done != [], timeout=0.05)
    steps.wait("next")
    ended()


def test_a_process_that_is_never_idle_is_not_waited_for_without_end(steps, monkeypatch):
    monkeypatch.setattr(preload, "PATIENCE_SECONDS", 0.01)
    background = Preload([steps("one")])
    background.start()
    background.answered()
    with background.serving():
        steps.wait("one")
    ended()


def test_what_fails_is_logged_and_keeps_nothing_else(steps, caplog):
    caplog.set_level(logging.INFO)
    background = Preload(["no_such_module_of_ours", steps("one", RuntimeError("broken")), steps("two")])
    background.start()
    background.answered()
    steps.wait("one", "two")
    ended()

    failures = [r for r in caplog.records if r.getMessage() == "could not be preloaded"]
    assert [r.fields["step"].rpartition(".")[2] for r in failures] == ["no_such_module_of_ours", "step"]
    (last,) = [r for r in caplog.records if r.getMessage() == "preloaded"]
    assert last.fields["failed"] == 2


def test_modules_are_imported_by_name(steps, monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    background = Preload(["colorsys", steps("after")])
    background.start()
    background.answered()
    steps.wait("after")
    ended()
    assert "colorsys" in sys.modules


def test_a_process_that_ends_loads_no_more(steps, monkeypatch):
    monkeypatch.setattr(lifecycle, "draining", lambda: True)
    background = Preload([steps("one")])
    background.start()
    background.answered()
    ended()
    assert steps.done == []


def test_the_interpreter_switches_as_before_when_all_is_done(steps):
    before = sys.getswitchinterval()
    during = []
    background = Preload([lambda: during.append(sys.getswitchinterval()), steps("end")])
    background.start()
    background.answered()
    steps.wait("end")
    ended()
    assert during[0] == pytest.approx(preload.SWITCH_SECONDS)
    assert sys.getswitchinterval() == pytest.approx(before)


def test_a_function_tells_of_its_answers(steps, monkeypatch):
    """Readiness only counts once the wiring stands; a request counts whatever becomes of it."""
    made = []
    monkeypatch.setattr(preload, "Preload", lambda: made.append(Preload([steps("one")])) or made[-1])
    monkeypatch.setattr(lifecycle, "_prepared", [])
    built = threading.Event()

    def build():
        assert built.wait(10)
        return lambda request: Response(status=204)

    respond = entry.deferred(build)
    for start in lifecycle._prepared[1:]:
        start()
    ready = Request(EnvironBuilder(path="/health/readiness").get_environ())
    assert respond(ready).status_code == 503
    assert steps.done == []
    built.set()
    assert respond(Request(EnvironBuilder(path="/", method="POST").get_environ())).status_code == 204
    steps.wait("one")
    ended()


def test_readiness_alone_is_enough(steps, monkeypatch):
    monkeypatch.setattr(preload, "Preload", lambda: Preload([steps("one")]))
    monkeypatch.setattr(lifecycle, "_prepared", [])
    respond = entry.deferred(lambda: lambda request: Response(status=204))
    for start in lifecycle._prepared:
        start()
    assert respond(Request(EnvironBuilder(path="/health/readiness").get_environ())).status_code == 204
    steps.wait("one")
    ended()
