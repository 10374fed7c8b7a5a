"""The settings of a user: zone, default reminders, channels, quiet hours, digest. Pure; `tasks` writes them,
`reminders` and `notifications` follow them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from itertools import chain
from typing import Any

from shared.domain import digest
from shared.domain.quiet_hours import QuietHours

DEFAULT_ZONE = "UTC"
DEFAULT_CHANNELS = ("in_app", "webhook")
CHOSEN = "default"  # stands for `channels` in a reminder that names none: they are looked up when it is due


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """`accounts.timezone` and `accounts.settings` as one value; `version` is 0 before the first change.

    >>> set_by_user = Preferences.stored("Europe/London", {"channels": ["in_app"], "version": 3})
    >>> set_by_user.channels_of(["default", "webhook"])  # "default" stands for the channels above
    ('in_app', 'webhook')
    """

    timezone: str = DEFAULT_ZONE
    email: str | None = None
    default_reminders: list[dict[str, Any]] = field(default_factory=list)  # offsets as in the API
    channels: list[str] = field(default_factory=lambda: list(DEFAULT_CHANNELS))
    quiet_hours: QuietHours | None = None
    digest_hour: int | None = None
    version: int = 0

    @classmethod
    def stored(cls, timezone: str, settings: Mapping[str, Any]) -> "Preferences":
        """From the columns; what was never set has its default."""
        known = {name: settings[name] for name in _STORED if name in settings}
        quiet = settings.get("quiet_hours")
        return cls(timezone=timezone, quiet_hours=parse_quiet_hours(quiet), **known)

    def public(self) -> dict[str, Any]:
        """The object of the API."""
        return {
            "timezone": self.timezone,
            "email": self.email,
            "default_reminders": self.default_reminders,
            "channels": self.channels,
            "quiet_hours": self.quiet_hours.as_dict() if self.quiet_hours else None,
            "digest_hour": self.digest_hour,
        }

    def to_json(self) -> dict[str, Any]:
        """What `accounts.settings` holds."""
        return {k: v for k, v in self.public().items() if k != "timezone"} | {"version": self.version}

    def channels_of(self, stored: Sequence[str]) -> tuple[str, ...]:
        """The channels of a reminder, as `reminders.channels` has them."""
        named = (self.channels if name == CHOSEN else [name] for name in stored or [CHOSEN])
        return tuple(dict.fromkeys(chain.from_iterable(named)))

    def quiet_until(self, at: datetime) -> datetime | None:
        """The end of the quiet hours that `at` falls into, or None."""
        return self.quiet_hours.until(at, self.timezone) if self.quiet_hours else None

    def next_digest(self, now: datetime) -> datetime | None:
        """When the next digest after `now` is due; None for a user who wants none."""
        return None if self.digest_hour is None else digest.following(now, self.digest_hour, self.timezone)


_STORED = ("email", "default_reminders", "channels", "digest_hour", "version")


def parse_quiet_hours(given: Mapping[str, str] | None) -> QuietHours | None:
    """`{"from": "22:00", "to": "07:00"}` or null; ValueError when they are the same time."""
    if given is None:
        return None
    return QuietHours(time.fromisoformat(given["from"]), time.fromisoformat(given["to"]))
