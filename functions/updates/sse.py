"""Server-sent events as text (WHATWG HTML, "Server-sent events"). Pure; called by `hub` and `stream`."""

import json

from shared.db.repositories.feed import Slice

HEARTBEAT = b": heartbeat\n\n"
RETRY_MS = 2000


def hello(token: int) -> bytes:
    """The first block: when to reconnect, and from which token. A block without data only sets the last event
    id and is no event.
    """
    return f"retry: {RETRY_MS}\nid: {token}\n\n".encode()


def reset(token: int) -> bytes:
    """The event `reset`: the client's token is too old; it should read everything again and continue
    from here.
    """
    return _block("reset", {"change_token": token}, token=token)


def end(reason: str) -> bytes:
    """The last event of a stream that ends itself: `token_expired` (renew it first), `time_limit`, `shutdown`
    or `failed`. The client connects again and continues from the last id that it saw.
    """
    return _block("end", {"reason": reason}, token=None)


def blocks(found: Slice) -> bytes:
    """One event for each change. The changes of one transaction have the same token, and only the last of
    them has it as its id, so that a client that resumes in between gets all of them again.
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
