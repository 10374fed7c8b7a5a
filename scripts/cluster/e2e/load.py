"""Writers for the task API: several at a fixed rate, and senders whose bodies arrive slowly.

Only e2e-cluster starts them, against a gateway of its own cluster; both are bounded in number and time.
"""

import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from scripts.cluster.api import Door

MOST_IN_FLIGHT = 64


@dataclass(frozen=True)
class Sent:
    """One write: when it began (monotonic), how it ended (0 = no answer) and how long it took."""

    title: str
    began: float
    status: int
    seconds: float
    words: str = ""


class Crowd:
    """`rate` creations a second until it is closed; every one with a title of its own."""

    def __init__(self, doors: Sequence[Door], rate: float) -> None:
        self._doors, self._rate = doors, rate
        self._sent: list[Sent] = []
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=MOST_IN_FLIGHT)
        self._clock = threading.Thread(target=self._pace, daemon=True)

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._clock.join()
        self._pool.shutdown(wait=True)

    def sent(self) -> list[Sent]:
        return list(self._sent)

    def _pace(self) -> None:
        began, number = time.monotonic(), 0
        while not self._stop.wait(max(0.0, began + number / self._rate - time.monotonic())):
            self._pool.submit(self._write, self._doors[number % len(self._doors)])
            number += 1

    def _write(self, door: Door) -> None:
        self._sent.append(write(door))


def write(door: Door) -> Sent:
    """One creation; never raises for what the network does."""
    title, began = f"load {uuid.uuid4()}", time.monotonic()
    try:
        answer = door.request("POST", "/v1/tasks", {"title": title})
    except OSError as error:
        return Sent(title, began, 0, time.monotonic() - began, str(error))
    words = "" if answer.status == 201 else answer.body[:120].decode(errors="replace")
    return Sent(title, began, answer.status, answer.seconds, words)


def slow_write(door: Door, seconds: float) -> Sent:
    """A creation whose body takes `seconds` to arrive, in equal pieces; it is in flight all that time."""
    title, began = f"slow {uuid.uuid4()}", time.monotonic()
    body = b'{"title": "' + title.encode() + b'"}'
    connection = door.connection()
    try:
        connection.putrequest("POST", "/v1/tasks", skip_host=True)
        headers = {"Host": door.host, "Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**headers, "Authorization": f"Bearer {door.token}"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        for place in range(len(body)):
            connection.send(body[place : place + 1])
            time.sleep(seconds / len(body))
        response = connection.getresponse()
        response.read()
        return Sent(title, began, response.status, time.monotonic() - began)
    except OSError as error:
        return Sent(title, began, 0, time.monotonic() - began, str(error))
    finally:
        connection.close()


def summary(sent: Sequence[Sent]) -> dict[str, str]:
    """Counts by status, and how long the good ones took."""
    statuses: dict[int, int] = {}
    for item in sent:
        statuses[item.status] = statuses.get(item.status, 0) + 1
    good = sorted(item.seconds for item in sent if item.status == 201)
    shown = ", ".join(f"{status or 'no answer'}: {count}" for status, count in sorted(statuses.items()))
    found = {"writes": str(len(sent)), "answers": shown}
    if good:
        found["median"] = f"{good[len(good) // 2] * 1000:.0f} ms"
        found["slowest"] = f"{good[-1] * 1000:.0f} ms"
    return found
