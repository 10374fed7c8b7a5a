"""The body of /v1/settings; loaded with the first body."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from functions.tasks.edge.bodies import Body
from functions.tasks.tasks.bodies import Channel, ClockTime, Reminder

Email = Annotated[
    str,
    Field(
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f<>,;]{1,64}@[^@\s\x00-\x1f\x7f<>,;.]+(\.[^@\s\x00-\x1f\x7f<>,;.]+)+$",
    ),
]


def _distinct(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _relative(reminders: list[Reminder]) -> list[Reminder]:
    if any(reminder.remind_at is not None for reminder in reminders):
        raise ValueError(
            "a default reminder counts from the due: give before_minutes, or days_before with at"
        )
    return reminders


class QuietHours(Body):
    """Local times of day; over midnight when `to` is earlier than `from`."""

    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")

    @model_validator(mode="after")
    def _some_time(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("quiet hours must end at another time than they begin")
        return self


class Preferences(Body):
    """An absent field keeps its value; null clears e-mail, quiet hours and digest."""

    timezone: Annotated[str, Field(max_length=64)] = "UTC"
    email: Email | None = None
    default_reminders: Annotated[list[Reminder], Field(max_length=10), AfterValidator(_relative)] = Field(
        default=[]
    )
    channels: Annotated[list[Channel], Field(min_length=1, max_length=4), AfterValidator(_distinct)] = Field(
        default=[]
    )
    quiet_hours: QuietHours | None = None
    digest_hour: Annotated[int, Field(ge=0, le=23)] | None = None
