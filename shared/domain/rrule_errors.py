"""The errors of the recurrence engine: what is wrong with a rule, and what to write instead."""

__all__ = ["InvalidRecurrence", "RecurrenceLimit"]


class InvalidRecurrence(ValueError):
    """The rule cannot be used: `part` names the wrong part of the rule, `reason` says what to write instead.

    What `reason` proposes gives the same dates as the rule means, or says that it is a choice.

    >>> error = InvalidRecurrence("INTERVAL", "must be at most 1000")
    >>> str(error), error.part
    ('INTERVAL: must be at most 1000', 'INTERVAL')
    """

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part}: {reason}")
        self.part = part
        self.reason = reason

    def __reduce__(self) -> tuple[type["InvalidRecurrence"], tuple[str, str]]:
        return type(self), (self.part, self.reason)


class RecurrenceLimit(InvalidRecurrence):
    """The safety budget ended before an answer: the rule matches too rarely, or never."""
