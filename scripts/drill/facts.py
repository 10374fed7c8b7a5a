"""What a drill knows, measures and finds broken. Filled by its parts, printed by `restore`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Facts:
    """What a drill knows and has measured; `failed` names promises that did not hold."""

    # Each user's newest, those of the lost time included.
    tokens: dict[str, int] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)  # event ids that the dump holds unpublished
    figures: dict[str, object] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def check(self, promise: str, *, holds: bool, detail: object = "") -> None:
        print(f"{'ok    ' if holds else 'FAILED'}  {promise}  {detail}", flush=True)
        if not holds:
            self.failed.append(promise)


@contextmanager
def stopwatch(facts: Facts, name: str) -> Iterator[None]:
    """Measures the block, in seconds."""
    began = time.monotonic()
    yield
    facts.figures[name] = round(time.monotonic() - began, 2)
