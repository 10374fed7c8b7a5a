"""When a PingSource fires next; that it does is in tests/integration/scripts."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scripts.local.destinations import Destinations
from scripts.local.manifests import load
from scripts.local.ticks import RunningTick

WIRING = load(Path(__file__).resolve().parents[4])


async def due(schedule):
    tick = replace(WIRING.ticks["relay"], schedule=schedule)
    running = RunningTick(tick, Destinations(WIRING, None, {}), namespace=WIRING.namespace)
    running.open()
    try:
        await asyncio.sleep(0)  # it keeps time in a task of its own
        return datetime.fromisoformat(running.status()["next"])
    finally:
        await running.close()


@pytest.mark.parametrize(("schedule", "second"), [("* * * * *", 0), ("0 * * * * *", 0), ("20 * * * * *", 20)])
def test_a_sixth_field_in_front_is_the_second(schedule, second):
    """As Knative's adapter reads it (robfig/cron with SecondOptional); five fields mean second 0."""
    before = datetime.now(UTC)
    found = asyncio.run(due(schedule))

    assert found.second == second
    assert timedelta(0) <= found - before <= timedelta(seconds=61)
