"""The wiring of a function is built once and behind health."""

import threading

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from shared.runtime import lifecycle
from shared.runtime.entry import Once, deferred


def request(path="/", method="POST"):
    return Request(EnvironBuilder(path=path, method=method).get_environ())


def test_many_threads_that_ask_at_once_share_one_build():
    barrier, built, found = threading.Barrier(8), [], []

    def build():
        built.append(object())
        return built[-1]

    once = Once(build)

    def ask():
        barrier.wait()
        found.append(once())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert set(map(id, found)) == {id(built[0])}


def test_a_build_that_failed_is_tried_again():
    outcomes = [RuntimeError("no"), "wired"]

    def build():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    once = Once(build)
    with pytest.raises(RuntimeError):
        once()
    assert once() == once() == "wired"


def test_health_needs_no_wiring_and_everything_else_does():
    built = []

    def build():
        built.append(True)
        return lambda _: Response("done")

    respond = deferred(build)
    assert respond(request("/health/readiness", "GET")).status_code == 204
    assert respond(request("/health/liveness", "GET")).headers["X-Request-Id"]
    assert built == []
    assert respond(request()).get_data() == b"done"
    assert respond(request("/health/liveness")).get_data() == b"done"  # a POST there is no probe
    assert built == [True]


def test_listening_builds_behind_the_first_answers():
    built = threading.Event()
    Once(built.set)
    lifecycle.listening()
    assert built.wait(10)
