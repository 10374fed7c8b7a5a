"""Server-sent events as text (WHATWG HTML, "Server-sent events"). Pure; called by `hub` and `stream`."""

import json

from shared.db.repositories.feed import Slice

HEARTBEAT = b": heartbeat\n\n"
RETRY_MS = 2000


def hello(token: int) -> bytes:
    """How soon to come back, and from where: a block without data sets the last event id and is no event."""
    return f"retry: {RETRY_MS}\nid: {token}\n\n".encode()


def reset(token: int) -> bytes:
    """The stream cannot continue from the client's token: read everything anew, then go on from here."""
    return _block("reset", {"change_token": token}, token=token)


def end(reason: str) -> bytes:
    """The last event of a stream that ends itself: `token_expired` (renew it first), `time_limit`, `shutdown`
    or `failed`. The client goes on from the last id that it saw.
    """
    return _block("end", {"reason": reason}, token=None)


def blocks(found: Slice) -> bytes:
    """One event a change. Changes of one transaction share a token, and only their last carries it as id:
    a client that resumes never misses the rest of them.
    """
    if not found.changes:
        return b""
    following = [change.token for change in found.changes[1:]] + [None]
    return b"".join(
        _block(
            f"task.{change.kind}",
            {"id": str(change.task_id), "version": change.version, "change_token": change.token},
            token=None if change.token == after else change.token,
        )
        for change, after in zip(found.changes, following, strict=True)
    )


def _block(event: str, data: dict[str, object], *, token: int | None) -> bytes:
    lines = [f"event: {event}", f"data: {json.dumps(data, separators=(',', ':'))}"]
    if token is not None:
        lines.insert(0, f"id: {token}")
    return ("\n".join(lines) + "\n\n").encode()
