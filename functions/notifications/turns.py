"""Chooses the next user to send for, and limits the attempts of one user and one endpoint at a time.
Called by `sender`, which holds its lock meanwhile, and by `courier`.

A user whose endpoints never answer occupies at most PER_USER threads. Users get their turn in the order in
which they came, one delivery each.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from shared.db.repositories.deliveries import Waiting
from shared.db.repositories.webhooks import Webhook

PER_USER = 4  # attempts under way at once in one process
PER_ENDPOINT = 2
PROBE = 1  # for an endpoint whose last attempts had no answer


def places(endpoint: Webhook | None) -> int:
    """How many attempts an endpoint may have under way. Those of a deleted one (None) send nothing."""
    return PROBE if endpoint is not None and endpoint.unanswered else PER_ENDPOINT


def eligible(
    waiting: list[Waiting], endpoints: Mapping[str, Webhook], running: Mapping[str, int], now: datetime
) -> list[str]:
    """The recipients that may be sent to now, the longest waiting first."""
    found = []
    for candidate in waiting:
        endpoint = endpoints.get(candidate.recipient)
        resting = endpoint is not None and endpoint.resting(now)
        if not resting and running.get(candidate.recipient, 0) < places(endpoint):
            found.append(candidate.recipient)
    return found


class Turns:
    """Which users wait for a thread, and which attempts each has under way. Not thread-safe.

    Only one thread at a time chooses a delivery of a user, so that all attempts under way are known.
    """

    def __init__(self) -> None:
        self._ready: dict[str, None] = {}  # in order of arrival
        self._looking: set[str] = set()
        self._told: set[str] = set()  # told about again while a thread chooses for them
        self._held: set[str] = set()  # had no free place: look again when one of their attempts has ended
        self._running: dict[str, Counter[str]] = {}
        self._places: dict[tuple[str, str], int] = {}  # of what is under way
        self._closed = False

    @property
    def ready(self) -> int:
        """How many users wait for a thread."""
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Whether no user waits and no attempt is under way."""
        return not (self._ready or self._looking or self._running)

    def add(self, user_id: str) -> None:
        """The user may have due deliveries."""
        if self._closed:
            return
        if user_id in self._looking:
            self._told.add(user_id)
        elif self._under_way(user_id) >= PER_USER:
            self._held.add(user_id)
        else:
            self._ready[user_id] = None

    def take(self) -> tuple[str, Mapping[str, int]] | None:
        """The next user and what each of their recipients has under way; None when nobody waits."""
        if not self._ready:
            return None
        user_id = next(iter(self._ready))
        del self._ready[user_id]
        self._looking.add(user_id)
        return user_id, dict(self._running.get(user_id, {}))

    def began(self, user_id: str, recipient: str, *, of: int) -> None:
        """A delivery was found and takes one place of the recipient; the user waits for another turn."""
        self._places[user_id, recipient] = of
        self._running.setdefault(user_id, Counter())[recipient] += 1
        self._looked(user_id, again=True)

    def found_nothing(self, user_id: str) -> None:
        """Nothing may be sent now; the user waits until an attempt ends, if one is under way."""
        running = self._running.get(user_id, Counter())
        if any(count >= self._places[user_id, recipient] for recipient, count in running.items()):
            self._held.add(user_id)
        self._looked(user_id, again=False)

    def ended(self, user_id: str, recipient: str) -> None:
        """An attempt has ended, with any result."""
        running = self._running[user_id]
        running[recipient] -= 1
        if not running[recipient]:
            del running[recipient], self._places[user_id, recipient]
        if not running:
            del self._running[user_id]
        if user_id in self._held or user_id in self._looking:  # whoever is looking saw it under way
            self._held.discard(user_id)
            self.add(user_id)

    def close(self) -> None:
        """Nobody gets a turn any more."""
        self._closed = True
        self._ready.clear()

    def _looked(self, user_id: str, *, again: bool) -> None:
        self._looking.discard(user_id)
        if again or user_id in self._told:
            self._told.discard(user_id)
            self.add(user_id)

    def _under_way(self, user_id: str) -> int:
        return self._running.get(user_id, Counter()).total()
