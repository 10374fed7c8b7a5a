"""/v1/audit/verify of a long log: in bounded parts, one at a time, and nothing can be skipped."""

import itertools
from datetime import timedelta
from uuid import uuid4

import pytest

from functions.tasks.audit import checkpoint
from functions.tasks.audit.verbs import MOST
from shared.db.repositories.audit import AuditLog
from shared.db.uow import UnitOfWork
from shared.domain.audit_chain import GENESIS, Entry, Head, link
from shared.domain.identity import uuid7
from shared.runtime.sealing import Sealer

ENTRIES = 2 * MOST + 7
PATH = "/v1/audit/verify"


@pytest.fixture
def log(api, sim_clock):
    """A log of the user, longer than two calls may check."""
    rows, digest = [], GENESIS
    for seq in range(1, ENTRIES + 1):
        entry = Entry(
            user_id=api.user_id, seq=seq, event_id=uuid7(sim_clock.now), type="io.taskflow.task.updated.v1",
            actor={}, task_id=None, task_version=None, occurred_at=sim_clock.now, recorded_at=sim_clock.now,
            request_id=None, changes={}, detail={},
        )  # fmt: skip
        text = entry.canonical()
        digest = link(digest, text)
        rows.append(
            (api.user_id, seq, entry.event_id, entry.type, sim_clock.now, sim_clock.now, text, digest)
        )
    columns = "user_id, seq, event_id, type, occurred_at, recorded_at, entry, hash"
    with api.owner.cursor().copy(f"copy audit_entries ({columns}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    sql = "insert into audit_heads (user_id, seq, hash) values (%s, %s, %s)"
    api.owner.execute(sql, (api.user_id, ENTRIES, digest))
    return digest


def ask(api, cursor=None):
    response = api("GET", PATH + (f"?cursor={cursor}" if cursor else ""))
    assert response.status_code == 200, response.get_json()
    return response.get_json()


def walk(api, *, most=100):
    """Every answer from the beginning to the end."""
    found = [ask(api)]
    while found[-1]["next_cursor"] is not None:
        assert len(found) < most
        found.append(ask(api, found[-1]["next_cursor"]))
    return found


def test_a_call_checks_a_bounded_part_and_says_that_it_knows_no_more(api, log):
    answers = walk(api)
    assert len(answers) >= 3
    seen = [0] + [answer["entries"] for answer in answers]
    assert all(0 < after - before <= MOST for before, after in itertools.pairwise(seen))
    assert {answer["valid"] for answer in answers[:-1]} == {None}
    last = answers[-1]
    assert last == {
        "valid": True, "entries": ENTRIES, "head": log.hex(), "broken_at": None, "next_cursor": None,
    }  # fmt: skip


@pytest.mark.parametrize("seq", [1, MOST, MOST + 1, ENTRIES])
def test_every_part_is_looked_at(api, log, seq):
    api.owner.execute(
        "update audit_entries set entry = '{}' where user_id = %s and seq = %s", (api.user_id, seq)
    )
    last = walk(api)[-1]
    assert (last["valid"], last["broken_at"]) == (False, seq)


def test_a_rewritten_beginning_does_not_fit_what_was_seen(api, log):
    """Whoever rewrites a part that was checked, hashes and all, is found by the next call."""
    first = ask(api)
    seq = first["entries"]
    api.owner.execute(
        "update audit_entries set hash = sha256(hash) where user_id = %s and seq = %s", (api.user_id, seq)
    )
    assert ask(api, first["next_cursor"])["valid"] is None  # what follows still fits what was seen
    assert walk(api)[-1]["broken_at"] == seq


def test_what_is_appended_meanwhile_is_checked_too(api, log, sim_clock):
    first = ask(api)
    entry = Entry(
        user_id=api.user_id, seq=ENTRIES + 1, event_id=uuid7(sim_clock.now), type="t", actor={}, task_id=None,
        task_version=None, occurred_at=sim_clock.now, recorded_at=sim_clock.now, request_id=None, changes={},
        detail={},
    )  # fmt: skip
    text = entry.canonical()
    digest = link(log, text)
    api.owner.execute(
        """insert into audit_entries (user_id, seq, event_id, type, occurred_at, recorded_at, entry, hash)
           values (%s, %s, %s, 't', %s, %s, %s, %s)""",
        (api.user_id, ENTRIES + 1, entry.event_id, sim_clock.now, sim_clock.now, text, digest),
    )
    api.owner.execute(
        "update audit_heads set seq = seq + 1, hash = %s where user_id = %s", (digest, api.user_id)
    )
    answer = ask(api, first["next_cursor"])
    while answer["next_cursor"]:
        answer = ask(api, answer["next_cursor"])
    assert (answer["valid"], answer["entries"]) == (True, ENTRIES + 1)


def test_one_check_of_a_log_at_a_time(api, make_api, log, database):
    """A second check is refused at once, whichever process runs the first; another user's is not."""
    with UnitOfWork(database("api"), source="/test").read(api.user_id) as tx:
        AuditLog(tx).begin_check()
        refused = api("GET", PATH)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "verification_in_progress")
        assert api("GET", "/v1/audit?limit=1").status_code == 200
        assert make_api(f"other-{uuid4()}")("GET", PATH).get_json()["valid"] is True
    assert ask(api)["entries"] > 0


def test_a_cursor_of_another_user_an_edited_one_and_one_of_a_list_are_refused(api, make_api, log):
    cursor = ask(api)["next_cursor"]
    stranger = make_api(f"stranger-{uuid4()}")
    middle = len(cursor) // 2
    edited = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
    listed = api("GET", "/v1/audit?limit=1").get_json()["next_cursor"]
    for caller, wrong in ((stranger, cursor), (api, edited), (api, listed), (api, "x"), (api, "A" * 9000)):
        response = caller("GET", f"{PATH}?cursor={wrong}")
        assert (response.status_code, response.get_json()["code"]) == (400, "invalid_cursor")


def test_a_cursor_is_not_made_without_the_key(api, log, sim_clock):
    forged = checkpoint.write(Sealer(Sealer.new_key()), api.user_id, Head(ENTRIES, log), begun=sim_clock.now)
    assert api("GET", f"{PATH}?cursor={forged}").status_code == 400


def test_a_cursor_is_good_for_an_hour_after_the_check_began(api, log, sim_clock):
    first = ask(api)
    sim_clock.now += timedelta(hours=1)
    second = ask(api, first["next_cursor"])
    sim_clock.now += timedelta(seconds=1)
    for old in (first["next_cursor"], second["next_cursor"]):  # going on does not make it younger
        response = api("GET", f"{PATH}?cursor={old}")
        assert (response.status_code, response.get_json()["code"]) == (400, "invalid_cursor")
