"""The users of a drill, what they do, and the database without the platform. For `restore` and `log`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from functions.tasks.tasks import verbs
from scripts.drill.facts import Facts
from scripts.drill.platform import DrillPlatform, eventually
from scripts.local.postgres import EmbeddedPostgres
from scripts.local.state import State
from shared.db import dumps
from shared.db.pool import Database
from shared.db.uow import Cause, UnitOfWork
from shared.domain.identity import Actor

DAILY = {"due": "2026-06-01T08:00", "timezone": "Europe/London", "recurrence": {"rrule": "FREQ=DAILY"}}
USERS = ("ada", "bob", "cleo")
OFFLINE = 3  # writes of each user while nothing is published


def work(platform: DrillPlatform, count: int) -> None:
    """Every user makes `count` recurring tasks and completes half of them; everybody has acted on it."""
    for user in USERS:
        for n in range(count):
            task = platform.must("POST", "/v1/tasks", {"title": f"Water plant {n}", **DAILY}, user=user)
            if n % 2:
                platform.must("POST", f"/v1/tasks/{task['id']}/complete", user=user)
    # Created, and for half of them completed and the next occurrence created.
    wanted = count + 2 * (count // 2)
    for user in USERS:
        await_audit(platform, user, wanted)
    eventually(platform.settled, "everything is delivered")


def await_audit(platform: DrillPlatform, user: str, entries: int) -> None:
    """Until the log of `user` has so many entries."""
    eventually(lambda: audited(platform, user)[1] >= entries, f"the audit log of {user}")


def audited(platform: DrillPlatform, user: str) -> tuple[bool, int]:
    """(whether the chain holds, its entries)."""
    found = platform.must("GET", "/v1/audit/verify", user=user)
    return bool(found["valid"]), int(found["entries"])


@contextmanager
def database(home: Path) -> Iterator[Mapping[str, str]]:
    """The platform's database without the platform: nothing is published."""
    server = EmbeddedPostgres(State(home).database)
    try:
        yield server.start()
    finally:
        server.stop()


def offline(dsns: Mapping[str, str], facts: Facts, *, pending: bool) -> dict[str, int]:
    """OFFLINE writes of every user, whose events stay in the outbox; the rows of every table afterwards."""
    made = Database(dsns["api"])
    try:
        uow = UnitOfWork(made, source="/taskflow/tasks")
        for user in USERS * OFFLINE:
            with uow.write(user, Cause(Actor("user", user))) as tx:
                verbs.create(tx, {"title": "Written while the log was away"})
            facts.tokens[user] = tx.change_seq
            if pending:
                events = [emitted.event for emitted in tx.events]
                facts.pending |= {str(event.event_id) for event in events if event.topic == "task-events"}
    finally:
        made.close()
    return dumps.counted(dsns["owner"])
