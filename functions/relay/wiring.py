"""Builds `relay`: the steps of the minute tick, in order, and the path that records dead letters."""

from functions.relay.dead_letters import DeadLetterDesk
from functions.relay.outbox_sweep import OutboxSweep
from functions.relay.reconciliation import Reconciliation
from functions.relay.replay import Replay
from functions.relay.retention import Retention
from functions.relay.settings import Settings
from functions.relay.steps import run_all
from functions.relay.trash import Purge
from shared.db.uow import UnitOfWork
from shared.runtime.event import function, tick
from shared.runtime.http import View
from shared.runtime.wiring import connector, database

NAME = "relay"


def build(settings: Settings) -> View:
    """The function; its publisher connects at the first row to publish."""
    uow = UnitOfWork(database(NAME, settings.database_url), source=f"/taskflow/{NAME}")
    connect = connector(settings.kafka_bootstrap_servers)

    # The first four make rows pending; the sweep after them publishes those in the same tick.
    def rederive() -> None:
        from functions.relay.rederivation import Rederivation  # and the time zones: not in the wake-up

        Rederivation(uow).run()

    sweep = OutboxSweep(uow, connect)
    making = (rederive, Purge(uow).run, Reconciliation(uow).run, Replay(uow).run)
    steps = (*making, sweep.run, Retention(uow).run)
    return DeadLetterDesk(uow).guard(function(NAME, on_tick=tick(NAME, lambda: run_all(steps))))
