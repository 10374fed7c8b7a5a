"""A disk without room: nothing acknowledged is lost, nothing stops for good."""

import asyncio
import errno
import os

import pytest

from scripts.local.log import EmbeddedTopics
from scripts.local.segment import Segment
from scripts.local.topics import NewRecord, TopicsUnavailable, partition_for
from shared.messaging.ports import Topic

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
        await topics.ensure([Topic("t", 1)])
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


def _keys():
    """Two keys that go to partitions 0 and 1."""
    found = {partition_for(key, 2): key for key in (b"a", b"b", b"c", b"d")}
    return found[0], found[1]


def _both(value):
    return [NewRecord("t", key, (), value) for key in _keys()]


def _failing_cut(monkeypatch, *, also_write):
    """The file system refuses to cut; with `also_write`, it takes nothing behind the failed batch either."""
    failed, real_sync, real_write = [], os.fdatasync, os.pwrite

    def fdatasync(file):
        failed.append(file)
        if len(failed) == 2:  # the second partition of the batch
            raise OSError(errno.EIO, "Input/output error")
        real_sync(file)

    def pwrite(file, content, offset):
        if also_write and len(failed) >= 2:
            raise OSError(errno.EIO, "Input/output error")
        return real_write(file, content, offset)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    monkeypatch.setattr(os, "pwrite", pwrite)
    monkeypatch.setattr(os, "ftruncate", _no_room)


async def _contents(topics):
    return [[item.value for item in await topics.read(("t", p), 0, limit=9)] for p in (0, 1)]


@pytest.mark.parametrize("also_write", [False, True])
def test_a_batch_that_cannot_be_cut_off_is_undone_all_the_same(tmp_path, monkeypatch, also_write):
    async def failing():
        topics = EmbeddedTopics(tmp_path)
        await topics.ensure([Topic("t", 2)])
        await topics.append(_both(b"stored"))
        with monkeypatch.context() as broken:
            _failing_cut(broken, also_write=also_write)
            with pytest.raises(TopicsUnavailable):
                await topics.append(_both(b"failed"))
            assert await _contents(topics) == [[b"stored"], [b"stored"]]
        return topics

    async def restarted():
        topics = EmbeddedTopics(tmp_path)
        await topics.ensure([Topic("t", 2)])
        assert await _contents(topics) == [[b"stored"], [b"stored"]]
        await topics.append(_both(b"later."))
        assert await _contents(topics) == [[b"stored", b"later."]] * 2
        await topics.close()

    async def scenario():
        await (await failing()).close()
        await restarted()

    asyncio.run(scenario())


def test_a_shorter_record_over_a_failed_batch_shows_nothing_of_it(tmp_path, monkeypatch):
    """The second of two equally long records would follow a new one of that length without a seam."""
    segment = Segment(tmp_path / "0.log", "t", partition=0)
    with monkeypatch.context() as broken:
        real_write = os.pwrite
        broken.setattr(os, "fdatasync", _no_room)
        broken.setattr(os, "ftruncate", _no_room)
        broken.setattr(os, "pwrite", lambda *what: real_write(*what) if what[2] == 0 else _no_room())
        with pytest.raises(OSError, match="space"):
            segment.append([RECORD, RECORD], 1)
    segment.append([RECORD], 2)
    assert read(Segment(tmp_path / "0.log", "t", partition=0)) == [RECORD.value]


def test_nobody_reads_a_record_before_all_of_its_batch_is_stored(tmp_path, monkeypatch):
    """A reader would go on behind it, and miss what gets its offset when the batch is undone."""

    async def scenario():
        topics = EmbeddedTopics(tmp_path)
        await topics.ensure([Topic("t", 2)])
        seen, synchronise = [], os.fdatasync

        def fdatasync(file):
            seen.append([topics.end(("t", p)) for p in (0, 1)])
            synchronise(file)

        monkeypatch.setattr(os, "fdatasync", fdatasync)
        await topics.append(_both(b"v"))
        assert seen == [[0, 0], [0, 0]]
        assert await _contents(topics) == [[b"v"], [b"v"]]
        await topics.close()

    asyncio.run(scenario())


def _no_room(*_args, **_options):
    raise OSError(errno.ENOSPC, "No space left on device")
