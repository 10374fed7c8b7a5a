"""How many streams a process of `updates` takes, against what its manifest and its runner let through."""

from functions.updates.hub import MAX_STREAMS, MAX_USER_STREAMS
from functions.updates.stream import STREAM_SECONDS
from shared.runtime.asgi import MAX_STREAMS as BACKSTOP


def test_hints_find_a_place_beside_as_many_streams_as_there_may_be(services):
    concurrency = services["updates"]["spec"]["template"]["spec"]["containerConcurrency"]
    assert 0.9 * concurrency >= MAX_STREAMS
    assert concurrency < BACKSTOP


def test_one_user_has_a_small_part_of_them():
    assert MAX_USER_STREAMS <= MAX_STREAMS // 20


def test_a_stream_ends_by_itself_before_it_is_cut(services):
    assert services["updates"]["spec"]["template"]["spec"]["timeoutSeconds"] > STREAM_SECONDS
