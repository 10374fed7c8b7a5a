"""Whose turn it is: users in the order of arrival, a bounded share each, and nobody is forgotten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from functions.notifications.turns import PER_ENDPOINT, PER_USER, Turns, eligible
from shared.db.repositories.deliveries import Waiting
from shared.db.repositories.webhooks import Webhook

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
IDS = [UUID(int=n) for n in range(3)]
WAITING = [Waiting(str(one), NOW) for one in IDS]


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def endpoints():
    made = (Webhook(i, "https://x.example/", ["*"], b"", "enabled", None, 1, NOW, NOW) for i in IDS)
    return {str(webhook.id): webhook for webhook in made}


def start(turns, recipient="r", of=PER_ENDPOINT):
    """The next user gets a thread."""
    user_id, _ = turns.take()
    turns.began(user_id, recipient, of=of)
    return user_id


def look(turns):
    """The next user has nothing that may be sent."""
    user_id, running = turns.take()
    turns.found_nothing(user_id)
    return user_id, running


def test_users_come_one_after_the_other_however_much_each_has(turns):
    turns.add("many")
    turns.add("few")
    assert [start(turns), start(turns), start(turns, "s"), start(turns, "s")] == ["many", "few"] * 2


def test_a_user_holds_a_bounded_number_of_threads(turns):
    turns.add("a")
    assert [start(turns, f"r{n}") for n in range(PER_USER)] == ["a"] * PER_USER
    turns.add("a")  # there is news, and still no place
    assert turns.take() is None
    turns.ended("a", "r0")
    assert turns.take() == ("a", {f"r{n}": 1 for n in range(1, PER_USER)})


def test_one_thread_at_a_time_looks_at_a_user(turns):
    turns.add("a")
    turns.take()
    turns.add("a")
    assert turns.take() is None
    turns.found_nothing("a")
    assert turns.take() == ("a", {})  # what was told meanwhile is not lost


def test_what_an_endpoint_holds_up_is_looked_at_when_it_ends(turns):
    turns.add("a")
    start(turns, of=1)
    assert look(turns) == ("a", {"r": 1})
    assert turns.take() is None
    turns.ended("a", "r")
    assert look(turns) == ("a", {})
    assert turns.idle


def test_who_has_no_more_is_not_looked_at_again(turns):
    turns.add("a")
    start(turns, of=2)
    look(turns)
    turns.ended("a", "r")
    assert turns.idle


def test_an_end_while_somebody_looks_is_not_lost(turns):
    turns.add("a")
    start(turns, of=1)
    turns.take()  # sees it under way
    turns.ended("a", "r")
    turns.found_nothing("a")
    assert turns.take() == ("a", {})


def test_nobody_gets_a_turn_after_the_close(turns):
    turns.add("a")
    start(turns)
    turns.add("b")
    turns.close()
    turns.add("c")
    assert turns.take() is None
    turns.ended("a", "r")
    assert turns.idle


def test_an_endpoint_has_a_bounded_number_of_attempts_under_way(endpoints):
    full = {str(IDS[0]): PER_ENDPOINT, str(IDS[1]): PER_ENDPOINT - 1}
    assert eligible(WAITING, endpoints, full, NOW) == [str(IDS[1]), str(IDS[2])]


def test_an_endpoint_that_answers_nothing_rests_and_is_then_asked_once(endpoints):
    silent = str(IDS[0])
    resting = replace(endpoints[silent], unanswered=1, paused_until=NOW + timedelta(seconds=1))
    assert silent not in eligible(WAITING, endpoints | {silent: resting}, {}, NOW)
    later = NOW + timedelta(seconds=1)
    assert silent in eligible(WAITING, endpoints | {silent: resting}, {}, later)
    assert silent not in eligible(WAITING, endpoints | {silent: resting}, {silent: 1}, later)


def test_what_waits_for_a_vanished_endpoint_is_taken_too():
    assert eligible(WAITING, {}, {}, NOW) == [str(one) for one in IDS]
