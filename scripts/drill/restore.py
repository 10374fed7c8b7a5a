"""`scripts/restore-drill`: loses a database, then the log, on its own platform, and checks what comes back.

Users work, then more is written while nothing is published, a dump is made, more is written, and then the
whole database is deleted; the log stays. After the restore everything that docs/runbooks/disaster.md
promises is checked through the API. Then the log is deleted (`log`). Nothing outside a temporary directory
is touched.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from scripts.drill import log
from scripts.drill.facts import Facts, stopwatch
from scripts.drill.platform import DrillFailed, DrillPlatform, eventually
from scripts.drill.world import OFFLINE, USERS, audited, await_audit, database, offline, work
from scripts.local.postgres import EmbeddedPostgres
from scripts.local.state import State
from shared.db import dumps, restoring
from shared.testing.ports import reserve

UPDATES = {"Host": "updates.todo-app.localhost"}


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when every promise held, 1 otherwise; the figures are one line of JSON."""
    parser = argparse.ArgumentParser(prog="scripts/restore-drill", description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=10, help="tasks of each of 3 users (default 10)")
    choice = parser.parse_args(arguments)
    began, facts = time.monotonic(), Facts()
    with tempfile.TemporaryDirectory(prefix="taskflow-drill-") as directory:
        try:
            drill(Path(directory), choice.tasks, facts)
        except DrillFailed as failure:
            facts.check("the drill comes to its end", holds=False, detail=failure)
        finally:
            EmbeddedPostgres(State(Path(directory) / "home").database).destroy()
    facts.figures["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(facts.figures))
    return 1 if facts.failed else 0


def drill(directory: Path, count: int, facts: Facts) -> None:
    """All steps of the drill, in order."""
    home, port = directory / "home", reserve()
    with DrillPlatform(home, port) as platform:
        work(platform, count)
    dump = directory / "taskflow.dump"
    with database(home) as dsns:
        before = offline(dsns, facts, pending=True)
        with stopwatch(facts, "dump_seconds"):
            dumps.write(dsns["owner"], dump, at=datetime.now(UTC))
        facts.figures |= {"dump_bytes": dump.stat().st_size, "rows": before}
        offline(dsns, facts, pending=False)
    EmbeddedPostgres(State(home).database).destroy()
    with database(home) as dsns:
        facts.check("the database is empty", holds=not any(dumps.counted(dsns["owner"]).values()))
        with stopwatch(facts, "restore_seconds"):
            restoring.restore(dsns["owner"], dump)
        after = dumps.counted(dsns["owner"])
    facts.check("every table has its rows again", holds=after == before, detail=f"{sum(after.values())} rows")
    with DrillPlatform(home, port) as platform:
        verify(platform, count, facts)
    log.lose(home, facts)
    with DrillPlatform(home, port) as platform:
        # One more write of each user since: the fresh one.
        log.verify(platform, facts, entries=count + 2 * (count // 2) + OFFLINE + 1)


def verify(platform: DrillPlatform, count: int, facts: Facts) -> None:
    """Check the promises of a restore through the API and the log."""
    status, _ = platform.call("POST", "/tick/relay")
    facts.check("the sweep runs", holds=status == 200, detail=status)
    wanted = count + 2 * (count // 2) + OFFLINE
    eventually(lambda: facts.pending <= set(platform.records("task-events")), "pending events are published")
    eventually(platform.settled, "everything is delivered")
    published = Counter(platform.records("task-events"))
    once = sum(published[one] == 1 for one in facts.pending)
    facts.check(
        "pending events are published once", holds=once == len(facts.pending) > 0, detail=f"{once} events"
    )
    facts.figures["published_once"] = once
    facts.figures["published_again"] = sum(n > 1 for n in published.values())
    for user in USERS:
        await_audit(platform, user, wanted)
        valid, entries = audited(platform, user)
        # Exactly: what was published again has had no second effect.
        facts.check(f"{user}: audit chain", holds=valid and entries == wanted, detail=f"{entries} entries")
        following = platform.must("GET", "/v1/tasks?status=open&limit=100", user=user)["items"]
        recurring = Counter(task["series_id"] for task in following if task["series_id"])
        single = len(recurring) == count and set(recurring.values()) == {1}
        facts.check(f"{user}: one open occurrence a series", holds=single, detail=f"{len(recurring)} series")
        check_tokens(platform, user, facts)


def check_tokens(platform: DrillPlatform, user: str, facts: Facts) -> None:
    """A token of the lost time is refused, a fresh write is beyond it, and the feed goes on from there."""
    lost = facts.tokens[user]
    begun = first_event(platform, user, since=str(lost))
    facts.check(
        f"{user}: a token of the lost time begins anew", holds=begun.get("event") == "reset", detail=lost
    )
    platform.must("POST", "/v1/tasks", {"title": "After the restore"}, user=user)
    fresh = first_event(platform, user, since=begun.get("id", ""))
    token = int(fresh.get("id", "0"))
    works = fresh.get("event") == "task.created" and token > lost
    facts.check(f"{user}: a fresh write works, its token is beyond", holds=works, detail=f"{token} > {lost}")


def first_event(platform: DrillPlatform, user: str, *, since: str) -> dict[str, str]:
    """The first event of the user's stream from a token on."""

    def answered() -> dict[str, str] | None:
        headers = {**UPDATES, "Last-Event-ID": since}
        status, found = platform.call("GET", "/v1/stream", user=user, headers=headers)
        return found if status == 200 else None

    return eventually(answered, "the stream") or {}
