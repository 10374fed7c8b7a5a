"""What is wrong with a recurrence rule, and what to write instead. Raised by the whole engine."""

__all__ = ["InvalidRecurrence", "RecurrenceLimit"]


class InvalidRecurrence(ValueError):
    """The rule cannot be used: `part` names the offending rule part, `reason` says what to write instead.

    What `reason` proposes keeps the dates that the rule means, or says that it offers a choice.
    """

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part}: {reason}")
        self.part = part
        self.reason = reason

    def __reduce__(self) -> tuple[type["InvalidRecurrence"], tuple[str, str]]:
        return type(self), (self.part, self.reason)


class RecurrenceLimit(InvalidRecurrence):
    """The safety budget ended before an answer: the rule matches too rarely, or never."""
