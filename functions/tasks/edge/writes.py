"""One write request is one transaction, and at most one effect: `Idempotency-Key` is honoured here."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, request

from functions.tasks.edge.routing import Caller
from shared.db.store import idempotency
from shared.db.uow import Transaction, UnitOfWork
from shared.domain.errors import Conflict, FieldError, Invalid

MAX_KEY = 255


@dataclass(frozen=True)
class Answer:
    """A response as it can be stored and replayed; `stored` replaces a body with a one-time secret."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    stored: str | None = None

    def response(self) -> Response:
        return Response(self.body, status=self.status, headers=dict(self.headers))


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:  # JSON
    """`body` as compact JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text, {"Content-Type": "application/json", **(headers or {})})


class Writes:
    """Runs the write of a request in one transaction."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def run(
        self, caller: Caller, work: Callable[[Transaction], Answer], *, key: str | None = None
    ) -> Response:
        """`work` once; with an idempotency key (`key`, or the request's header) a repeat is replayed."""
        key = _checked(key or request.headers.get("Idempotency-Key"))
        with self._uow.write(caller.user_id, caller.cause) as tx:
            answer = work(tx) if key is None else _once(tx, key, work)
        return answer.response()


def _once(tx: Transaction, key: str, work: Callable[[Transaction], Answer]) -> Answer:
    if not idempotency.lock(tx, key):
        raise Conflict("A request with this key is still running.", code="idempotency_in_progress")
    digest = _request_hash()
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


def _request_hash() -> bytes:
    parts = (request.method.encode(), request.path.encode(), request.get_data())
    return hashlib.sha256(b"\x00".join(parts)).digest()


def _checked(key: str | None) -> str | None:
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        message = f"must be 1 to {MAX_KEY} printable ASCII characters"
        raise Invalid(errors=[FieldError("Idempotency-Key", "invalid_idempotency_key", message)])
    return key
