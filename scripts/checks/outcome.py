"""How checks ended: one line a check and one line for all tests. Made by `running`, printed by `command`."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

_COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)\b")


@dataclass(frozen=True)
class Outcome:
    """How a check ended; `counts` is what pytest's closing line says, by word."""

    name: str
    code: int
    seconds: float
    budget: float | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        line = f"{'ok  ' if self.code == 0 else 'FAIL'} {self.name:<12} {self.seconds:6.1f} s"
        if self.budget is None:
            return line
        return f"{line} of {self.budget:.0f} s{' (over its budget)' if self.seconds > self.budget else ''}"


def counted(closing_line: str) -> Counter[str]:
    """{"passed": 12, "skipped": 1} of "== 12 passed, 1 skipped in 0.52s ==" (singular words as plural)."""
    return Counter(
        {"errors" if word.startswith("error") else word: int(n) for n, word in _COUNTED.findall(closing_line)}
    )


def summary(outcomes: Iterable[Outcome]) -> str:
    """Like "1200 passed, 0 failed, 3 skipped" over all tiers; errors and a dead tier are failures."""
    total: Counter[str] = Counter()
    broken = 0
    for outcome in outcomes:
        total += outcome.counts
        broken += int(outcome.code != 0 and not outcome.counts["failed"] and not outcome.counts["errors"])
    failed = total["failed"] + total["errors"] + broken
    return f"{total['passed']} passed, {failed} failed, {total['skipped']} skipped"
