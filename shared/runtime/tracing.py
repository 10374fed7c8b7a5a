"""W3C trace context, continued without a tracing library. Called by `http` and `event` at the edge."""

import re
import secrets

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


def continue_trace(traceparent: str | None) -> str:
    """A `traceparent` of a new span in the caller's trace, or in a new trace if there is none.

    >>> trace_id(continue_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    '0af7651916cd43dd8448eb211c80319c'
    """
    match = _TRACEPARENT.fullmatch(traceparent or "")
    trace, flags = (match[1], match[2]) if match else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def trace_id(traceparent: str) -> str:
    """The 32 hex digits that all spans of one trace share."""
    return traceparent[3:35]
