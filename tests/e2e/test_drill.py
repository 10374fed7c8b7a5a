"""The drill: function processes are killed at random while recurring tasks are completed. Afterwards every
series has exactly one next occurrence and every event is in the audit log, with no hand on it.

Short by default; `pytest tests/e2e/test_drill.py --drill-tasks 60 --drill-seeds 5` is the long one.
"""

import contextlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Self

import pytest
import requests

from tests.e2e.conftest import FUNCTIONS, Platform, User, eventually

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}
HEALED_SECONDS = 150.0  # from the last kill
AFTER = 5.0  # seconds that the killing goes on when all is completed
HARD_ENOUGH = (
    90.0  # seconds within which a delivery must have run out of attempts, or the drill proves nothing
)
# Mostly the two that must handle every completion, so often that a delivery runs out of attempts.
VICTIMS = (*FUNCTIONS, *("recurrence", "audit") * 4)
DEAD = "task-events-dlq"


class Killer:
    """Kills one process of a random function after the other; what `seed` decides is whom and when."""

    def __init__(self, platform: Platform, seed: int) -> None:
        self.killed: Counter[str] = Counter()
        self._platform, self._dice = platform, Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            eventually(self._hard_enough, what="a dead letter", patience=HARD_ENOUGH)
            self._stop.wait(AFTER)
        finally:
            self._stop.set()
            self._thread.join()

    def _hard_enough(self) -> bool:
        return bool(self._platform.status()["dead_letters"][DEAD])

    def _run(self) -> None:
        while not self._stop.wait(self._dice.uniform(0.05, 0.2)):
            victim = self._dice.choice(VICTIMS)
            for pid in self._platform.status()["services"][victim]["pids"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed[victim] += 1


def completed(user: User, task_id: str) -> bool:
    """As a client does it: asked again until there is an answer."""
    try:
        return user("POST", f"/v1/tasks/{task_id}/complete").status_code == 200
    except requests.RequestException:
        return False


def pages(user: User, path: str) -> Iterator[dict[str, object]]:
    cursor = ""
    while cursor is not None:
        answer = user("GET", f"{path}{'&' if '?' in path else '?'}limit=100{cursor}").json()
        yield from answer["items"]
        cursor = f"&cursor={answer['next_cursor']}" if answer.get("next_cursor") else None


def next_occurrences(users: list[User]) -> Counter[str]:
    """How many open occurrences each series has."""
    return Counter(str(t["series_id"]) for user in users for t in pages(user, "/v1/tasks?status=open"))


def healed(users: list[User], series: list[str]) -> bool:
    return next_occurrences(users) == Counter(series)


def audited(user: User, *, entries: int) -> bool:
    verdict = user("GET", "/v1/audit/verify").json()
    return bool(verdict["valid"]) and verdict["entries"] == entries


def test_every_series_heals_by_itself(own_platform, drill_seed: int, drill_tasks: int):
    platform = own_platform()
    users = [platform.user(name) for name in ("ada", "bob", "cleo")]
    tasks = [(users[n % 3], users[n % 3].create(**DAILY)) for n in range(drill_tasks)]
    series = [str(task["series_id"]) for _, task in tasks]
    with Killer(platform, drill_seed) as killer:
        for user, task in tasks:
            eventually(lambda u=user, t=task: completed(u, t["id"]), what="a completion", patience=120)
    eventually(
        lambda: healed(users, series),
        what=f"one next occurrence of every series; killed {dict(killer.killed)}",
        patience=HEALED_SECONDS,
    )
    for place, user in enumerate(users):
        own = sum(1 for n in range(drill_tasks) if n % 3 == place)
        # Created, completed, and the next one created.
        eventually(lambda u=user, n=own: audited(u, entries=3 * n), what="the whole audit log", patience=60)
    eventually(platform.settled, what="nothing in flight")
    assert healed(users, series)
    assert killer.killed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "drill_seed" in metafunc.fixturenames:
        metafunc.parametrize("drill_seed", range(metafunc.config.getoption("--drill-seeds")))


@pytest.fixture
def drill_tasks(request: pytest.FixtureRequest) -> int:
    count: int = request.config.getoption("--drill-tasks")
    return count
