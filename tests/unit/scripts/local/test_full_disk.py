"""A disk without room: nothing acknowledged is lost, nothing stops for good."""

import asyncio
import errno
import os

import pytest

from scripts.local.log import EmbeddedTopics
from scripts.local.segment import Segment
from scripts.local.topics import NewRecord, TopicsUnavailable

RECORD = NewRecord("t", b"k", (("ce_id", b"1"),), b"v" * 100)


@pytest.fixture
def room(monkeypatch):
    """`room[0]` bytes that may still be written, as a file system gives them: short writes, then ENOSPC."""
    left, real = [10**9], os.pwrite

    def pwrite(file, content, offset):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = bytes(content[: left[0]])
        left[0] -= len(taken)
        return real(file, taken, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    return left


def read(segment):
    return [segment.read(at).value for at in range(len(segment))]


def test_a_short_write_is_no_acknowledged_record(tmp_path, room):
    segment = Segment(tmp_path / "0.log", "t", partition=0)
    segment.append([RECORD], 1)
    room[0] = 50
    with pytest.raises(OSError, match="space"):
        segment.append([RECORD, RECORD], 2)
    assert read(segment) == [RECORD.value]
    room[0] = 10**9
    assert segment.append([RECORD], 3) == 1
    segment.close()
    assert read(Segment(tmp_path / "0.log", "t", partition=0)) == [RECORD.value] * 2


def test_what_cannot_be_read_is_kept_beside_the_log(tmp_path):
    segment = Segment(tmp_path / "0.log", "t", partition=0)
    segment.append([RECORD], 1)
    end = segment.size
    segment.close()
    with (tmp_path / "0.log").open("ab") as file:
        file.write(b"half a record")
    assert read(Segment(tmp_path / "0.log", "t", partition=0)) == [RECORD.value]
    assert (tmp_path / f"0.cut-{end}").read_bytes() == b"half a record"


def test_an_offset_that_cannot_be_saved_counts_and_is_saved_later(tmp_path, monkeypatch):
    async def scenario():
        topics = EmbeddedTopics(tmp_path)
        await topics.ensure({"t": 1})
        await topics.append([RECORD, RECORD])
        group = await topics.subscribe("g", ["t"], earliest=True)
        await group.next(("t", 0))
        with monkeypatch.context() as full:
            full.setattr("pathlib.Path.write_text", _no_room)
            with pytest.raises(TopicsUnavailable):
                group.commit(("t", 0), 1)
            await topics.subscribe("other", ["t"], earliest=True)
        assert group.committed() == {("t", 0): 1}
        await group.next(("t", 0))
        group.commit(("t", 0), 2)
        again = await topics.subscribe("g", ["t"], earliest=True)
        assert again.committed() == {("t", 0): 2}
        await topics.close()

    asyncio.run(scenario())


def _no_room(*_args, **_options):
    raise OSError(errno.ENOSPC, "No space left on device")
