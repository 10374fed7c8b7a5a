"""Publishes to the local platform's log with POST /records, which stores all records of a request or none.
Made by `connect`.
"""

import base64
import http.client
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from shared.messaging.ports import PublishError, Record, Refused, TooLarge, UnknownTopic

_MAX_ANSWER = 1_048_576
_REFUSALS: dict[int, type[Refused]] = {404: UnknownTopic, 413: TooLarge}


class EmbeddedPublisher:
    """The adapter of `ports.Publisher` for the local platform; `url` is its address.

    Every call makes a new connection, because the platform may have restarted.

    >>> EmbeddedPublisher("http://127.0.0.1:8081").publish([], timeout=1.0)
    0
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._path = parts.path.rstrip("/") + "/records"

    def publish(self, records: Sequence[Record], *, timeout: float) -> int:
        """See ports.Publisher."""
        if not records:
            return 0
        try:
            self._post(records, timeout)
        except Refused:
            if len(records) == 1:
                raise
            return self._prefix(records, timeout)
        return len(records)

    def close(self, *, timeout: float) -> None:
        """Nothing is kept open."""

    def _prefix(self, records: Sequence[Record], timeout: float) -> int:
        """After a refused request, of which nothing is stored: send one by one, up to the refused record."""
        for index, record in enumerate(records):
            try:
                self._post([record], timeout)
            except PublishError:
                if index == 0:
                    raise
                return index
        return len(records)

    def _post(self, records: Sequence[Record], timeout: float) -> None:
        body = json.dumps({"records": [_wire(r) for r in records]}).encode()
        connection = http.client.HTTPConnection(self._host, self._port, timeout=max(0.01, timeout))
        try:
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read(_MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise PublishError(f"The log cannot be reached: {type(error).__name__}.") from error
        finally:
            connection.close()
        _check(response.status, answer, len(records))


def _wire(record: Record) -> dict[str, object]:
    return {
        "topic": record.topic,
        "key": record.key,
        "headers": dict(record.headers),
        "value": base64.b64encode(record.value).decode(),
    }


def _check(status: int, answer: bytes, count: int) -> None:
    if status in _REFUSALS:
        raise _REFUSALS[status](f"The log refuses the record with status {status}.")
    if status != http.client.OK:
        raise PublishError(f"The log answered {status}.")
    try:
        stored = len(json.loads(answer)["results"])
    except (ValueError, KeyError, TypeError) as error:
        raise PublishError("The log's answer is not the promised JSON.") from error
    if stored != count:
        raise PublishError(f"The log stored {stored} of {count} records.")
