"""Server-sent events as text."""

from uuid import UUID

from functions.updates import sse
from shared.db.repositories.feed import Change, Slice

A, B, C = (UUID(int=n) for n in (1, 2, 3))


def test_the_first_block_sets_an_id_and_is_no_event():
    assert sse.hello(7) == b"retry: 2000\nid: 7\n\n"


def test_a_reset_carries_the_token_to_go_on_from():
    assert sse.reset(9) == b'id: 9\nevent: reset\ndata: {"change_token":9}\n\n'


def test_one_event_a_change():
    text = sse.blocks(Slice("u", 5, (Change(A, 2, 5, "completed"),))).decode()
    assert text == (f'id: 5\nevent: task.completed\ndata: {{"id":"{A}","version":2,"change_token":5}}\n\n')


def test_only_the_last_change_of_a_transaction_can_be_resumed_from():
    changes = (Change(A, 1, 4, "created"), Change(B, 1, 4, "created"), Change(C, 3, 6, "updated"))
    blocks = sse.blocks(Slice("u", 6, changes)).decode().split("\n\n")[:-1]
    assert ["id: " in block for block in blocks] == [False, True, True]


def test_nothing_changed_is_no_text():
    assert sse.blocks(Slice("u", 6)) == b""
