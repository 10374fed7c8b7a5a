"""The cursor of a check of an audit log: how far it came. Called by `routes`.

Other cursors only say where in a list to continue. This one also says that the entries before it are
correct, and the next call does not check them again. So it is encrypted with our key, bound to its user and
valid for an hour: nobody else can make one.
"""

import base64
import binascii
import json
from datetime import datetime, timedelta

from shared.domain.audit_chain import Head
from shared.runtime.sealing import Sealer, Unsealable

LIFETIME = timedelta(hours=1)  # of a whole check: what it saw at its beginning may have been changed since
MAX_CURSOR = 512


class NoCheckpoint(Exception):  # said of the cursor
    """The cursor does not say from where to go on."""


def write(sealer: Sealer, user_id: str, reached: Head, *, begun: datetime) -> str:
    """The cursor for a check that began at `began` and came to `reached`."""
    text = json.dumps([reached.seq, reached.hash.hex(), begun.isoformat()])
    sealed = sealer.encrypt(text, context=_context(user_id))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(sealer: Sealer, user_id: str, cursor: str, *, now: datetime) -> tuple[Head, datetime]:
    """The arguments of `write`; NoCheckpoint unless it was written for this user within the last hour."""
    try:
        padded = cursor[:MAX_CURSOR] + "=" * (-len(cursor[:MAX_CURSOR]) % 4)
        sealed = base64.b64decode(padded, altchars=b"-_", validate=True)
        seq, digest, begun_at = json.loads(sealer.decrypt(sealed, context=_context(user_id)))
    except (binascii.Error, ValueError, Unsealable):
        raise NoCheckpoint("not a cursor of this check") from None
    begun = datetime.fromisoformat(begun_at)
    if now - begun > LIFETIME:
        raise NoCheckpoint("the check began over an hour ago; begin anew")
    return Head(seq, bytes.fromhex(digest)), begun


def _context(user_id: str) -> str:
    return f"audit-check/{user_id}"
