"""Quiet hours: until when a message waits that would disturb. Pure; called by `notifications` before a
delivery is scheduled and again before it is attempted. The in-app inbox is silent and never waits.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from shared.domain.local_time import days_around, first_at, last_at

EVENTS = ("io.taskflow.reminder.due.v1",)  # what wakes people; other webhooks talk to machines
_MAX_NIGHTS = 3  # that touch one another: 01:40 to 01:30 where the clock goes back at 02:00
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuietHours:
    """From `start` (inclusive) to `end` (exclusive) on the user's clock; over midnight if `end` is earlier.

    A night is one piece: a time that comes twice starts it the first time and ends it the second, so that
    the clock never shows a quiet time while something is sent. In a gap both happen as the clock jumps.
    """

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("quiet hours must end at another time than they begin")

    def until(self, at: datetime, zone: str) -> datetime | None:
        """The end (UTC) of the quiet hours that the aware instant `at` falls into; None outside of them."""
        waited: datetime | None = None
        for _ in range(_MAX_NIGHTS):
            end = self._night(waited or at, zone)
            if end is None:
                break
            waited = end
        return waited

    def _night(self, at: datetime, zone: str) -> datetime | None:
        for day in days_around(at, zone):
            begins = first_at(day, self.start, zone)
            ends = last_at(day if self.start < self.end else day + _DAY, self.end, zone)
            if begins <= at < ends:
                return ends
        return None

    def as_dict(self) -> dict[str, str]:
        """As the API writes it."""
        return {"from": self.start.isoformat("minutes"), "to": self.end.isoformat("minutes")}
