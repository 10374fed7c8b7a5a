"""The wiring of a function is built once and behind health."""

import threading

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from shared.runtime import clock, lifecycle
from shared.runtime.entry import REBUILD_SECONDS, NotWired, Once, deferred


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


def test_a_build_that_failed_is_tried_again_after_a_pause(monkeypatch):
    now, outcomes = [100.0], [RuntimeError("no"), SystemExit("no"), "wired"]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])

    def build():
        outcome = outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    once = Once(build)
    for _ in range(2):
        for _ in range(3):  # within the pause nothing is built
            with pytest.raises(NotWired):
                once()
        assert once.failed()
        now[0] += REBUILD_SECONDS
    assert once() == once() == "wired"
    assert once.ready()
    assert not once.failed()


def ready(respond):
    return respond(request("/health/readiness", "GET"))


def test_liveness_needs_no_wiring_and_readiness_waits_for_it():
    release, standing = threading.Event(), threading.Event()

    def build():
        release.wait(10)
        return lambda _: Response("done")

    respond = deferred(build)
    assert respond(request("/health/liveness", "GET")).status_code == 204
    assert respond(request("/health/liveness", "HEAD")).headers["X-Request-Id"]
    refused = ready(respond)  # and whoever asks first makes somebody build
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.mimetype == "application/problem+json"
    assert refused.get_json()["code"] == "starting"
    release.set()
    for _ in range(1000):
        if ready(respond).status_code == 204:
            standing.set()
            break
        threading.Event().wait(0.01)
    assert standing.is_set()
    assert respond(request()).get_data() == b"done"
    assert respond(request("/health/liveness")).get_data() == b"done"  # a POST there is no probe


def test_a_wiring_that_fails_is_a_problem_and_never_ready():
    respond = deferred(lambda: 1 / 0)
    answer = respond(request())
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.get_json()["code"] == "wiring_failed"
    assert "division" not in answer.get_data(as_text=True)
    assert ready(respond).get_json()["code"] == "wiring_failed"
    assert respond(request("/health/liveness", "GET")).status_code == 204


def test_listening_builds_behind_the_first_answers():
    built = threading.Event()
    Once(built.set)
    lifecycle.listening()
    assert built.wait(10)
