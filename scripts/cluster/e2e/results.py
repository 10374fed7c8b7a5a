"""What a case has shown; report.py writes it down."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Verdict = Literal["PASS", "FAIL", "NOT RUN"]


@dataclass(frozen=True)
class Result:
    """`figures`: what was measured, by what it is. `why`: the reason, unless PASS. `ran`: when and
    at which commit.
    """

    case: str
    verdict: Verdict
    figures: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    seconds: float = 0.0
    ran: str = ""


class NotToBeHad(Exception):
    """This cluster cannot show the case; the message is the reason that the report gives."""


class Broke(Exception):
    """The case was run and its promise was not kept; figures that were taken are kept."""

    def __init__(self, why: str, figures: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.figures = dict(figures or {})


def read(file: Path) -> dict[str, Result]:
    """The last results of every case, by its name; none where there is no file."""
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return {item["case"]: Result(**item) for item in found}


def write(file: Path, results: Iterable[Result]) -> None:
    """For the next run with --only, and for whoever wants figures without a table."""
    file.write_text(json.dumps([asdict(result) for result in results], indent=1, ensure_ascii=False) + "\n")
