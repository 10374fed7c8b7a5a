"""Quiet hours: until when a message waits that would disturb the user. Pure; called by `notifications` before
it schedules a delivery and again before it attempts one. Messages of the in-app inbox never wait.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from shared.domain.local_time import days_around, first_at, last_at

EVENTS = ("io.taskflow.reminder.due.v1",)  # only these wait; webhooks of other events do not call a person
# Quiet periods that follow one another without a pause, as 01:40 to 01:30 where the clock goes back at 02:00.
_MAX_NIGHTS = 3
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuietHours:
    """From `start` (inclusive) to `end` (exclusive) on the user's clock; over midnight if `end` is earlier.

    Nothing is sent while the clock shows a quiet time: where a clock change shows a time twice, the period
    starts at the first of them and ends at the second. A start or end that the change leaves out is the
    instant of the change.

    >>> night = QuietHours(time(22), time(7))
    >>> night.until(datetime.fromisoformat("2026-06-01T23:30Z"), "Europe/London")  # 00:30 there
    datetime.datetime(2026, 6, 2, 6, 0, tzinfo=datetime.timezone.utc)
    >>> night.until(datetime.fromisoformat("2026-06-01T12:00Z"), "Europe/London") is None
    True
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
