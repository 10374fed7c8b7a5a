"""Trace context is continued exactly when it is well formed."""

import pytest

from shared.runtime.tracing import continue_trace, trace_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_trace_is_continued_with_a_new_span():
    theirs = f"00-{TRACE}-00f067aa0ba902b7-01"
    ours = continue_trace(theirs)
    assert trace_id(ours) == TRACE
    assert ours != theirs
    assert ours.endswith("-01")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01\n",
    ],
)
def test_anything_else_starts_a_new_trace(header):
    first, second = continue_trace(header), continue_trace(header)
    assert trace_id(first) != trace_id(second)
    assert continue_trace(first).startswith(f"00-{trace_id(first)}-")
