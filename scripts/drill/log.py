"""The second half of a drill: Kafka is lost, with events that nobody had got yet. Called by `restore`."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.database.republishing import republish
from scripts.drill.facts import Facts
from scripts.drill.platform import DrillPlatform, eventually
from scripts.drill.world import OFFLINE, USERS, audited, await_audit, database, offline
from scripts.local.state import State
from shared.db.pool import Database
from shared.db.store import outbox
from shared.db.uow import UnitOfWork


def lose(home: Path, facts: Facts) -> None:
    """Writes whose events count as published, the topics and all offsets gone, then `scripts/republish`."""
    with database(home) as dsns:
        offline(dsns, facts, pending=False)
        relay = Database(dsns["relay"], max_size=1)
        try:
            with UnitOfWork(relay, source="/taskflow/relay").sweep() as tx:
                lost = outbox.pending_of(tx, USERS, limit=1000)
                outbox.mark_published(tx, lost)
        finally:
            relay.close()
        shutil.rmtree(State(home).topics)
        again = republish(dsns["relay"], timedelta(hours=24), now=datetime.now(UTC))
    facts.figures |= {"lost_with_the_log": len(lost), "republished": again}
    facts.check("what the log lost is pending again", holds=again > len(lost) > 0, detail=f"{again} events")


def verify(platform: DrillPlatform, facts: Facts, *, entries: int) -> None:
    """Each user had so many `entries` before; every lost event has its effect, and none a second one."""
    status, _ = platform.call("POST", "/tick/relay")
    facts.check("the sweep runs again", holds=status == 200, detail=status)
    for user in USERS:
        await_audit(platform, user, entries + OFFLINE)
    eventually(platform.settled, "everything is delivered")
    for user in USERS:
        valid, found = audited(platform, user)
        whole = valid and found == entries + OFFLINE
        facts.check(f"{user}: audit chain after the loss of the log", holds=whole, detail=f"{found} entries")
