"""What a case has shown; report.py writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["PASS", "FAIL", "NOT RUN"]


@dataclass(frozen=True)
class Result:
    """`figures`: what was measured, by what it is. `why`: the reason, for everything but PASS."""

    case: str
    verdict: Verdict
    figures: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    seconds: float = 0.0


class NotToBeHad(Exception):
    """This cluster cannot show the case; the message is the reason that the report gives."""


class Broke(Exception):
    """The case was run and its promise was not kept; figures that were taken are kept."""

    def __init__(self, why: str, figures: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.figures = dict(figures or {})
