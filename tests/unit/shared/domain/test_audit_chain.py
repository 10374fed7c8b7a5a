"""The hash chain finds every kind of tampering and says where."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.domain.audit_chain import GENESIS, Entry, Head, Link, advance, conclude, link
from shared.domain.identity import uuid7

START = datetime(2026, 6, 1, 7, 0, 0, 123456, tzinfo=UTC)
USER = "user-1"


def entry(seq, **changed):
    at = START + timedelta(seconds=seq)
    values = {
        "user_id": USER,
        "seq": seq,
        "event_id": uuid7(at, randomness=bytes(10)),
        "type": "io.taskflow.task.updated.v1",
        "actor": {"kind": "user", "id": USER},
        "task_id": UUID("0197294a-4cc0-7000-8000-000000000001"),
        "task_version": seq,
        "occurred_at": at,
        "recorded_at": at + timedelta(milliseconds=5),
        "request_id": None,
        "changes": {"title": {"from": "a", "to": "Größe"}},
        "detail": {},
    }
    return Entry(**values | changed)


def chain(n, *, user_id=USER):
    links, digest = [], GENESIS
    for seq in range(1, n + 1):
        one = entry(seq, user_id=user_id)
        text = one.canonical()
        digest = link(digest, text)
        links.append(
            Link(
                seq, one.event_id, one.type, one.task_id, one.task_version,
                one.occurred_at, one.recorded_at, text, digest,
            )
        )  # fmt: skip
    return links, Head(n, digest)


def check(links, head):
    return conclude(advance(iter(links), user_id=USER, start=Head()), head)


def test_the_first_hash_follows_32_zero_bytes():
    assert bytes(32) == GENESIS
    assert link(GENESIS, "{}") == hashlib.sha256(bytes(32) + b"{}").digest()


def test_the_canonical_text_is_sorted_compact_and_not_escaped():
    text = entry(1).canonical()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert "Größe" in text
    assert '"occurred_at":"2026-06-01T07:00:01.123456Z"' in text


@pytest.mark.parametrize("n", [0, 1, 7])
def test_an_untouched_chain_holds(n):
    links, head = chain(n)
    verdict = check(links, head)
    assert (verdict.valid, verdict.entries, verdict.head) == (True, n, head.hash)


def test_an_edited_entry_is_found():
    links, head = chain(5)
    links[2] = replace(links[2], entry=links[2].entry.replace("Größe", "grösse"))
    assert check(links, head).broken_at == 3


def test_an_edited_entry_with_its_own_hash_recomputed_is_found_at_its_successor():
    links, head = chain(5)
    text = links[2].entry.replace("Größe", "grösse")
    links[2] = replace(links[2], entry=text, hash=link(links[1].hash, text))
    assert check(links, head).broken_at == 4


@pytest.mark.parametrize(
    "change", [{"task_version": 99}, {"type": "x"}, {"occurred_at": START}, {"task_id": None}]
)
def test_an_edited_column_beside_the_text_is_found(change):
    links, head = chain(5)
    links[1] = replace(links[1], **change)
    assert check(links, head).broken_at == 2


def test_a_deleted_entry_is_found():
    links, head = chain(5)
    assert check(links[:2] + links[3:], head).broken_at == 3


def test_a_deleted_tail_is_found():
    links, head = chain(5)
    assert check(links[:3], head).broken_at == 4
    assert check([], head).broken_at == 1


def test_an_inserted_entry_is_found():
    links, head = chain(5)
    forged = entry(3, changes={})
    text = forged.canonical()
    extra = replace(links[2], event_id=forged.event_id, entry=text, hash=link(links[1].hash, text))
    assert check([*links[:2], extra, *links[2:]], head).broken_at == 4


def test_an_appended_entry_beyond_the_head_is_found():
    links, _ = chain(5)
    _, head = chain(4)
    assert check(links, head).broken_at == 5


def test_reordered_entries_are_found():
    links, head = chain(5)
    links[1], links[2] = links[2], links[1]
    assert check(links, head).broken_at == 2
    links, head = chain(5)
    swapped = [links[0], replace(links[2], seq=2), replace(links[1], seq=3), *links[3:]]
    assert check(swapped, head).broken_at == 2


def test_a_rewritten_last_entry_differs_from_the_head():
    links, head = chain(3)
    text = links[2].entry.replace("Größe", "x")
    links[2] = replace(links[2], entry=text, hash=link(links[1].hash, text))
    assert check(links, head).broken_at == 3


def test_another_users_chain_does_not_pass():
    links, head = chain(3, user_id="user-2")
    assert check(links, head).broken_at == 1


def test_text_that_is_no_json_does_not_pass():
    links, _ = chain(1)
    for text in ("nonsense", "[]"):
        digest = link(GENESIS, text)
        assert check([replace(links[0], entry=text, hash=digest)], Head(1, digest)).broken_at == 1


@pytest.mark.parametrize("cut", [0, 1, 4, 7])
def test_a_chain_may_be_walked_in_parts(cut):
    links, head = chain(7)
    first = advance(links[:cut], user_id=USER, start=Head())
    second = advance(links[cut:], user_id=USER, start=Head(first.entries, first.head))
    assert conclude(second, head) == check(links, head)


def test_a_part_holds_only_behind_the_part_before_it():
    links, _ = chain(7)
    wrong_hash = advance(links[3:], user_id=USER, start=Head(3, bytes(32)))
    assert wrong_hash.broken_at == 4
    assert advance(links[3:], user_id=USER, start=Head(2, links[1].hash)).broken_at == 3
