"""Puts `relay` together: what the minute tick does, in order, and the record of dead letters."""

from functions.relay.dead_letters import DeadLetterDesk
from functions.relay.outbox_sweep import OutboxSweep
from functions.relay.reconciliation import Reconciliation
from functions.relay.retention import Retention
from functions.relay.settings import Settings
from functions.relay.steps import run_all
from shared.db.uow import UnitOfWork
from shared.runtime.event import function, tick
from shared.runtime.http import View
from shared.runtime.wiring import connector, database

NAME = "relay"


def build(settings: Settings) -> View:
    """The function; its publisher connects at the first row to publish."""
    uow = UnitOfWork(database(NAME, settings.database_url), source=f"/taskflow/{NAME}")
    connect = connector(settings.kafka_bootstrap_servers)

    # The first two make rows pending; the sweep after them publishes those in the same tick.
    def rederive() -> None:
        from functions.relay.rederivation import Rederivation  # and the time zones: not in the wake-up

        Rederivation(uow).run()

    steps = (rederive, Reconciliation(uow).run, OutboxSweep(uow, connect).run, Retention(uow).run)
    desk = DeadLetterDesk(uow)
    return desk.guard(function(NAME, on_event=desk.respond, on_tick=tick(NAME, lambda: run_all(steps))))
