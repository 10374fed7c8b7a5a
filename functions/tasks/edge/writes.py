"""Runs each write request in one transaction, and a repeated one (`Idempotency-Key`) only once.

A repeat has the same method, path, `If-Match` and JSON body. The order of members, blanks, other headers and
the trace make no difference.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, request

from functions.tasks.edge.routing import Caller
from shared.db.store import idempotency
from shared.db.uow import Transaction, UnitOfWork
from shared.domain.errors import Invalid, invalid_field
from shared.runtime.http import json_body

MAX_KEY = 255


@dataclass(frozen=True)
class Answer:
    """A response as it can be stored and replayed; `stored` replaces a body with a one-time secret."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    stored: str | None = None

    def response(self) -> Response:
        """The answer as Flask sends it."""
        response = Response(self.body, status=self.status)
        response.headers.pop("Content-Type")  # Flask names one even where there is no body
        response.headers.update(self.headers)
        return response


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:  # JSON
    """`body` as compact JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text, {"Content-Type": "application/json", **(headers or {})})


class Writes:
    """Runs the write of a request in one transaction."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(
        self, caller: Caller, work: Callable[[Transaction], Answer], *, once: "Once | None" = None
    ) -> Response:
        """Run `work` and answer. A repeat, by `once` or by the request's Idempotency-Key, gets the first
        answer again, and `work` does not run.
        """
        once = once or _of_request()
        with self._uow.write(caller.user_id, caller.cause, key=once.key if once else None) as tx:
            answer = work(tx) if once is None else _only(tx, once, work)
        return answer.response()


@dataclass(frozen=True)
class Once:
    """What identifies a repeat: the same `key` with the same `digest` of the request."""

    key: str
    digest: bytes


def digest_of(*parts: Any) -> bytes:  # JSON is dynamically typed
    """SHA-256 over `parts` as JSON with sorted members.

    >>> digest_of("POST", {"a": 1, "b": 2}) == digest_of("POST", {"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _only(tx: Transaction, once: Once, work: Callable[[Transaction], Answer]) -> Answer:
    key, digest = once.key, once.digest
    stored = idempotency.find(tx, key)
    if stored is None:
        answer = work(tx)
        kept = answer.body if answer.stored is None else answer.stored
        idempotency.store(
            tx, key, request_hash=digest, status=answer.status, headers=answer.headers, body=kept
        )
        return answer
    if stored.request_hash != digest:
        raise Invalid("This Idempotency-Key was used for another request.", code="idempotency_key_reused")
    replayed = Answer(stored.status, stored.body, stored.headers)
    return replace(replayed, headers={**replayed.headers, "Idempotency-Replayed": "true"})


def _of_request() -> Once | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        message = f"must be 1 to {MAX_KEY} printable ASCII characters"
        raise invalid_field("Idempotency-Key", "invalid_idempotency_key", message)
    body = json_body(request, optional=True)
    condition = request.headers.get("If-Match", "").strip()
    return Once(key, digest_of(request.method, request.path, condition, body))
