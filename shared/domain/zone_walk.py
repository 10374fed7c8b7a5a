"""Converts many neighbouring times between local time and UTC, and asks the zone only once every few days.
Called by the recurrence engine, which converts very many; single conversions belong to `zones`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

TYPE_CHECKING = False
if TYPE_CHECKING:  # zoneinfo costs 5 ms of import, and floating or all-day series never need it
    from zoneinfo import ZoneInfo

__all__ = ["EARLIEST", "LATEST", "ZoneWalk", "first_reaching", "local_time"]

# Equal offsets at both ends mean no change in between: the closest pair of transitions that cancel each other
# in tzdata 2026f is 6.96 days apart (Brazil 2000, Gaza); checked by a test.
STEADY = timedelta(days=5)
_NEIGHBOUR = timedelta(days=2)
_RUN = 4  # neighbours in a row after which looking ahead saves time
EARLIEST = datetime.min  # noqa: DTZ901 - wall times and naive UTC
LATEST = datetime.max.replace(microsecond=0)  # noqa: DTZ901  # wall time
_HORIZON = LATEST - STEADY * 2
_ZERO = timedelta()


def local_time(instant: datetime, zone: ZoneInfo | None) -> datetime:
    """The naive local time (with `fold`) of a naive UTC instant; `OverflowError` beyond the year 9999."""
    if zone is None:
        return instant
    return zone.fromutc(instant.replace(tzinfo=zone)).replace(tzinfo=None)


def first_reaching(wall: datetime, where: ZoneInfo) -> datetime:
    """The first instant (naive UTC) at which the local clock shows `wall` or, in a gap, a later time."""
    before = wall.replace(tzinfo=where, fold=0).utcoffset() or _ZERO
    after = wall.replace(tzinfo=where, fold=1).utcoffset() or _ZERO
    if after <= before:  # an ordinary time, or the first of two
        return wall - before
    # In a gap the answer is the transition, which lies between the two readings.
    low, high = wall - after, wall - before
    while low < high:
        middle = low + (high - low) // timedelta(seconds=2) * timedelta(seconds=1)
        if where.fromutc(middle.replace(tzinfo=where)).replace(tzinfo=None) >= wall:
            high = middle
        else:
            low = middle + timedelta(seconds=1)
    return high


class ZoneWalk:
    """Converts times of one zone; any order of calls is correct, neighbouring times are fast.

    Use one for `resolve` and another one for `local`.
    """

    __slots__ = ("_end", "_last", "_near", "_offset", "_start", "_zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offset = _ZERO
        self._near = 0
        self._start = self._end = self._last = EARLIEST  # of the steady span, in wall time or in UTC

    def resolve(self, wall: datetime) -> tuple[datetime, bool]:
        """Naive UTC of a wall time, and whether it does not exist (then it is shifted by the gap)."""
        if self._start <= wall < self._end:
            return wall - self._offset, False
        offset, folded = self._offsets(wall)
        if self._in_run(wall) and offset == folded and self._offsets(wall + STEADY) == (offset, offset):
            self._start, self._end, self._offset = wall, wall + STEADY, offset
        return wall - offset, folded > offset

    def local(self, instant: datetime) -> datetime:
        """The naive local time, with `fold`, of a naive UTC instant."""
        if self._start <= instant < self._end:
            return instant + self._offset
        wall = local_time(instant, self._zone)
        if self._in_run(instant) and not wall.fold:
            later = instant + STEADY
            if local_time(later, self._zone) - later == wall - instant:
                self._start, self._end, self._offset = instant, later, wall - instant
        return wall

    def _in_run(self, now: datetime) -> bool:
        self._near = self._near + 1 if now - self._last < _NEIGHBOUR else 0
        self._last = now
        return self._near >= _RUN and now < _HORIZON

    def _offsets(self, wall: datetime) -> tuple[timedelta, timedelta]:
        aware = wall.replace(tzinfo=self._zone)
        return aware.utcoffset() or _ZERO, aware.replace(fold=1).utcoffset() or _ZERO
