"""The embedded log forgets what is old and what everybody has passed; offsets stay what they are."""

import asyncio
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts.local.log import EmbeddedTopics
from scripts.local.segment import Segment
from scripts.local.topics import NewRecord, TopicsUnavailable
from shared.messaging.ports import Topic

PLACE = ("t", 0)


def record(number):
    return NewRecord("t", b"k", (), str(number).encode() * 50)


def segment_of(path, *, old=5, young=2):
    """Records 0…old-1 have the timestamps 0…old-1, the others 1000."""
    segment = Segment(path, "t", partition=0)
    for number in range(old + young):
        segment.append([record(number)], number if number < old else 1000)
    return segment


def content(segment):
    return [(item.offset, item.value) for item in segment.slice(0, limit=99)]


def expected(*offsets):
    return [(number, record(number).value) for number in offsets]


def with_topics(directory, work):
    """Five old records and two young ones are there."""
    if not (directory / "topics").exists():
        (directory / "topics" / "t").mkdir(parents=True)
        segment_of(directory / "topics" / "t" / "0.log").close()

    async def session():
        topics = EmbeddedTopics(directory)
        try:
            await topics.ensure([Topic("t", 1)])
            await asyncio.wait_for(work(topics), 30)
        finally:
            await topics.close()

    asyncio.run(session())


@pytest.mark.parametrize(
    ("passed", "before", "kept"), [(7, 1000, (5, 6)), (3, 1000, (3, 4, 5, 6)), (7, 2, (2, 3, 4, 5, 6))]
)
def test_only_what_is_both_old_and_passed_goes_and_offsets_stay(tmp_path, passed, before, kept):
    segment = segment_of(tmp_path / "0.log")
    bytes_before = (tmp_path / "0.log").stat().st_size
    segment.forget(passed, before=before)
    assert content(segment) == expected(*kept)
    assert (segment.start, segment.end) == (kept[0], 7)
    assert (tmp_path / "0.log").stat().st_size < bytes_before
    assert segment.append([record(7)], 1001) == 7
    segment.close()
    again = Segment(tmp_path / "0.log", "t", partition=0)
    assert content(again) == expected(*kept, 7)
    again.forget(6, before=1001)  # a file that already has a header
    assert content(again) == expected(6, 7)
    again.close()
    assert content(Segment(tmp_path / "0.log", "t", partition=0)) == expected(6, 7)


def test_a_partition_without_records_keeps_its_place(tmp_path):
    segment = segment_of(tmp_path / "0.log")
    segment.forget(7, before=2000)
    segment.close()
    again = Segment(tmp_path / "0.log", "t", partition=0)
    assert (again.start, again.end, content(again)) == (7, 7, [])
    assert again.append([record(7)], 1) == 7


def test_a_file_without_a_header_begins_at_0(tmp_path):
    segment_of(tmp_path / "0.log", old=2, young=0).close()
    written = (tmp_path / "0.log").read_bytes()
    assert written[:2] == b"\0\0"  # a length, as ever
    again = Segment(tmp_path / "0.log", "t", partition=0)
    assert (again.start, content(again)) == (0, expected(0, 1))


def test_a_damaged_header_is_said_and_nothing_is_cut(tmp_path):
    segment = segment_of(tmp_path / "0.log")
    segment.forget(7, before=1000)
    segment.close()
    written = bytearray((tmp_path / "0.log").read_bytes())
    written[12] ^= 1
    (tmp_path / "0.log").write_bytes(written)
    with pytest.raises(TopicsUnavailable, match="header is damaged"):
        Segment(tmp_path / "0.log", "t", partition=0)
    assert (tmp_path / "0.log").read_bytes() == written


def test_the_new_file_is_on_disk_before_it_replaces_the_old_one(tmp_path, monkeypatch):
    segment = segment_of(tmp_path / "0.log")
    steps, fsync, replace = [], os.fsync, Path.replace

    def noted_fsync(file):
        steps.append(Path(f"/proc/self/fd/{file}").readlink().name)
        fsync(file)

    def noted_replace(path, target):
        steps.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    segment.forget(7, before=1000)
    assert steps == ["0.new", "replace", tmp_path.name]


def test_without_room_for_the_new_file_the_old_one_stays(tmp_path, monkeypatch):
    async def work(topics):
        with monkeypatch.context() as full:
            full.setattr(os, "fsync", _no_room)
            with pytest.raises(TopicsUnavailable, match="t/0: No space"):
                await topics.forget(before={"t": 1000})
        assert (await topics.append([record(7)]))[0].offset == 7
        assert [item.offset for item in await topics.read(PLACE, 0, limit=99)] == list(range(8))
        await topics.forget(before={"t": 1000})
        assert [item.offset for item in await topics.read(PLACE, 0, limit=99)] == [5, 6, 7]
        assert [path.name for path in (tmp_path / "topics" / "t").iterdir()] == ["0.log"]

    with_topics(tmp_path, work)


def test_what_a_crash_left_of_a_new_file_is_removed(tmp_path):
    segment_of(tmp_path / "0.log").close()
    (tmp_path / "0.new").write_bytes(b"half")
    assert len(Segment(tmp_path / "0.log", "t", partition=0)) == 7
    assert not (tmp_path / "0.new").exists()


def test_readers_never_meet_a_closed_file_or_another_record(tmp_path):
    """A reader gets the record that it asked for, or the oldest one there is."""
    segment = segment_of(tmp_path / "0.log", old=300, young=10)
    wrong, done = [], threading.Event()

    def read():
        while not done.is_set():
            for asked in range(0, 310, 7):
                found = segment.read(asked)
                if found.damaged or found.offset < asked or found.value != record(found.offset).value:
                    wrong.append(found)

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for passed in range(10, 300, 10):
            segment.forget(passed, before=1000)
        done.set()
    assert [reader.result() for reader in readers] == [None, None]  # raises what a reader met
    assert wrong == []
    assert segment.start == 290


def test_the_slowest_group_decides_and_a_closed_one_does_not(tmp_path):
    async def work(topics):
        fast = await topics.subscribe("fast", ["t"], earliest=True)
        slow = await topics.subscribe("slow", ["t"], earliest=True)
        fast.commit(PLACE, 7)
        slow.commit(PLACE, 2)
        await topics.forget(before={"t": 1000})
        assert await topics.starts() == {PLACE: 2}
        assert await topics.ends() == {PLACE: 7}
        assert [item.offset for item in await topics.read(PLACE, 0, limit=2)] == [2, 3]
        await slow.close()
        await topics.forget(before={"t": 1000})
        assert await topics.starts() == {PLACE: 5}

    with_topics(tmp_path, work)


def test_a_group_whose_place_is_forgotten_continues_at_the_oldest(tmp_path):
    async def away(topics):
        slow = await topics.subscribe("slow", ["t"], earliest=True)
        slow.commit(PLACE, 2)
        await slow.close()
        await topics.forget(before={"t": 1000})

    async def back(topics):
        slow = await topics.subscribe("slow", ["t"], earliest=False)
        assert slow.committed() == {PLACE: 5}
        assert [(await slow.next(PLACE)).offset for _ in range(2)] == [5, 6]
        new = await topics.subscribe("new", ["t"], earliest=True)
        assert (await new.next(PLACE)).offset == 5

    with_topics(tmp_path, away)
    with_topics(tmp_path, back)


def _no_room(*_):
    raise OSError(errno.ENOSPC, "No space left on device")
