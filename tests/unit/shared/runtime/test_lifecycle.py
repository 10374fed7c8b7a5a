"""Stopping runs what was registered, in reverse, whatever goes wrong."""

import threading

import pytest

from shared.runtime import lifecycle


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(lifecycle, "_callbacks", [])
    monkeypatch.setattr(lifecycle, "_draining", threading.Event())
    monkeypatch.setattr(lifecycle.atexit, "register", lambda _: None)


def test_callbacks_run_once_in_reverse_order():
    ran: list[str] = []
    lifecycle.on_stop(lambda: ran.append("first"))
    lifecycle.on_stop(lambda: ran.append("second"))
    lifecycle.stop()
    lifecycle.stop()
    assert ran == ["second", "first"]


def test_a_failing_callback_does_not_stop_the_others():
    ran: list[str] = []
    lifecycle.on_stop(lambda: ran.append("ran"))
    lifecycle.on_stop(lambda: 1 / 0)
    lifecycle.stop()
    assert ran == ["ran"]


def test_a_hanging_callback_is_abandoned(monkeypatch):
    monkeypatch.setattr(lifecycle, "FLUSH_SECONDS", 0.01)
    release = threading.Event()
    lifecycle.on_stop(release.wait)
    lifecycle.stop()
    release.set()


def test_draining_is_visible():
    assert not lifecycle.draining()
    lifecycle.begin_drain()
    assert lifecycle.draining()


def test_stopping_without_callbacks_is_fine():
    lifecycle.stop()
    assert lifecycle.draining()
