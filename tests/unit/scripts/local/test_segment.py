"""One partition's file: round trip, torn tails, flipped bits, undoing."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.local.segment import Segment
from scripts.local.topics import NewRecord, partition_for

RECORDS = [
    NewRecord("t", b"k", (("ce_id", b"1"), ("x", b"")), b"value"),
    NewRecord("t", None, (), None),
    NewRecord("t", b"", (("n", "ü".encode()),), b""),
]


def opened(path):
    return Segment(path, "t", partition=0)


def test_what_was_appended_is_read_again_after_reopening(tmp_path):
    segment = opened(tmp_path / "0.log")
    assert segment.append(RECORDS, 1234) == 0
    assert segment.append(RECORDS[:1], 1235) == 3
    segment.close()
    again = opened(tmp_path / "0.log")
    assert len(again) == 4
    got = [again.read(n) for n in range(4)]
    assert [(item.key, item.headers, item.value) for item in got[:3]] == [
        (r.key, r.headers, r.value) for r in RECORDS
    ]
    assert [item.offset for item in got] == [0, 1, 2, 3]
    assert [item.timestamp for item in got] == [1234, 1234, 1234, 1235]


@pytest.mark.parametrize("lost", range(1, 40))
def test_a_torn_tail_is_cut_off_and_appending_goes_on(tmp_path, lost):
    segment = opened(tmp_path / "0.log")
    segment.append(RECORDS, 1)
    whole = segment.size
    segment.append(RECORDS[:1], 2)
    segment.close()
    os.truncate(tmp_path / "0.log", max(whole, (tmp_path / "0.log").stat().st_size - lost))
    again = opened(tmp_path / "0.log")
    assert len(again) == 3
    assert again.append(RECORDS[:1], 3) == 3
    assert again.read(3).timestamp == 3


def test_garbage_at_the_end_is_cut_off(tmp_path):
    segment = opened(tmp_path / "0.log")
    segment.append(RECORDS, 1)
    segment.close()
    with (tmp_path / "0.log").open("ab") as file:
        file.write(b"\xff" * 100)
    assert len(opened(tmp_path / "0.log")) == 3


def damage(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_damaged_record_in_the_middle_costs_no_other(tmp_path, caplog):
    segment = opened(tmp_path / "0.log")
    segment.append(RECORDS[:1], 1)
    first = segment.size
    segment.append(RECORDS[:1], 2)
    segment.append(RECORDS, 3)
    segment.close()
    damage(tmp_path / "0.log", first + 20)
    again = opened(tmp_path / "0.log")
    assert [again.read(n).damaged for n in range(len(again))] == [False, True, False, False, False]
    assert (again.read(1).offset, again.read(1).value) == (1, None)
    assert [again.read(n).value for n in (2, 3, 4)] == [r.value for r in RECORDS]
    assert "record 1 is damaged" in caplog.text
    assert list(tmp_path.glob("*.cut-*")) == []
    assert again.append(RECORDS[:1], 4) == 5


def test_a_damaged_record_behind_which_nothing_follows_is_a_torn_tail(tmp_path):
    segment = opened(tmp_path / "0.log")
    segment.append(RECORDS[:1], 1)
    first = segment.size
    segment.append(RECORDS[:1], 2)
    segment.close()
    damage(tmp_path / "0.log", first + 20)
    damaged = (tmp_path / "0.log").read_bytes()[first:]
    assert len(opened(tmp_path / "0.log")) == 1
    assert (tmp_path / f"0.cut-{first}").read_bytes() == damaged


def test_damage_while_it_runs_is_no_record_and_no_error(tmp_path):
    segment = opened(tmp_path / "0.log")
    segment.append(RECORDS, 1)
    for at in (0, 20):  # the length of the first record; its content
        damage(tmp_path / "0.log", at)
        assert [segment.read(n).damaged for n in range(3)] == [True, False, False]


def test_a_damaged_record_is_forgotten_with_its_neighbours(tmp_path):
    segment = opened(tmp_path / "0.log")
    for timestamp in (1, 2, 3):
        segment.append(RECORDS[:1], timestamp)
    damage(tmp_path / "0.log", 20)
    segment.forget(3, before=3)
    assert (segment.start, segment.end) == (2, 3)


def test_what_is_staged_is_not_read_before_it_is_shown(tmp_path):
    segment = opened(tmp_path / "0.log")
    segment.append(RECORDS[:1], 1)
    assert segment.stage(RECORDS, 2) == 1
    assert (segment.end, segment.slice(1, limit=9)) == (1, [])
    segment.show()
    assert [item.offset for item in segment.slice(1, limit=9)] == [1, 2, 3]


def test_a_batch_can_be_undone(tmp_path):
    segment = opened(tmp_path / "0.log")
    segment.append(RECORDS[:1], 1)
    segment.append(RECORDS, 2)
    segment.truncate(1)
    assert len(segment) == 1
    segment.close()
    assert len(opened(tmp_path / "0.log")) == 1


# Made with the Java client's Utils.murmur2 rule; the real client is the oracle of the contract tests.
@given(st.binary(max_size=40), st.integers(1, 50))
def test_partitions_follow_the_kafka_client(key, partitions):
    from kafka.partitioner.default import murmur2

    assert partition_for(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_partitions_of_known_keys():
    # the vectors of org.apache.kafka.common.utils.UtilsTest
    from scripts.local.topics import _murmur2

    known = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    assert {key: _murmur2(key) for key in known} == {key: value & 0xFFFFFFFF for key, value in known.items()}
