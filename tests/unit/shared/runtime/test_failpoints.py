"""Failpoints do nothing unless armed, and with a marker they strike once."""

from pathlib import Path

import pytest

from shared.runtime import failpoints


class Died(BaseException):
    pass


@pytest.fixture(autouse=True)
def mortal(monkeypatch):
    def die(status: int):
        assert status == 137
        raise Died

    monkeypatch.setattr(failpoints.os, "_exit", die)
    monkeypatch.setattr(failpoints, "_armed", None)


def test_nothing_is_armed_by_default(monkeypatch):
    monkeypatch.delenv("FAILPOINTS", raising=False)
    failpoints.failpoint("consume:recurrence:after_inbox")


def test_the_named_point_kills(monkeypatch):
    monkeypatch.setenv("FAILPOINTS", "consume:recurrence:after_inbox, publish:before")
    failpoints._armed = failpoints._parse("consume:recurrence:after_inbox, publish:before")
    failpoints.failpoint("consume:recurrence:before_inbox")
    with pytest.raises(Died):
        failpoints.failpoint("consume:recurrence:after_inbox")


def test_a_marker_lets_the_next_process_pass(tmp_path: Path):
    marker = tmp_path / "died"
    failpoints._armed = failpoints._parse(f"publish:after_ack:{marker}")
    with pytest.raises(Died):
        failpoints.failpoint("publish:after_ack")
    assert marker.exists()
    failpoints.failpoint("publish:after_ack")
