"""The plan of every statement of the repositories and the store, where one user has 200,000 tasks among many.

Pinned: nothing reads a table from end to end for one user, and a sweep reads none but those in `WHOLE`.
A method without a case here fails: every statement has been seen with its parameters by the planner.
"""

import ast
import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared.db import migrate, roles
from shared.db.pool import Database
from shared.db.repositories import accounts
from shared.db.repositories.accounts import Accounts
from shared.db.repositories.audit import AuditLog
from shared.db.repositories.dead_letters import DeadLetter, DeadLetters, Due, Replays
from shared.db.repositories.deliveries import Claimed, Deliveries, DueDeliveries, Result
from shared.db.repositories.derived import DerivedInstants, OutdatedAccounts
from shared.db.repositories.digests import Digests, DueDigests
from shared.db.repositories.due_reminders import DueReminders, TakenReminders
from shared.db.repositories.feed import Feed
from shared.db.repositories.notifications import Notifications
from shared.db.repositories.reminders import Reminders
from shared.db.repositories.series import AllSeries, Occurrences
from shared.db.repositories.task_list import TaskList
from shared.db.repositories.tasks import Tasks
from shared.db.repositories.trash import Trash, TrashedTasks
from shared.db.repositories.webhooks import Webhooks
from shared.db.retention import RETENTION, Forget
from shared.db.store import failures, forgetting, idempotency, inbox, outbox, reconciliation
from shared.db.uow import Cause, UnitOfWork
from shared.domain.audit_chain import Entry
from shared.domain.errors import AppError
from shared.domain.identity import Actor, uuid7
from shared.domain.series import Occurrence
from shared.domain.task_reminders import Moved, Planned
from shared.events.task import TaskUpdated
from tests.integration.shared.db import crowd

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CAUSE = Cause(Actor("user", "x"))
DB = Path(__file__).resolve().parents[4] / "shared/db"
Case = Callable[[Any, Any], Any]  # (transaction, ids of its user)


@dataclass(frozen=True)
class Use:
    role: str
    how: str  # write, record, read, sweep, each
    call: Case


def api(call: Case) -> Use:
    return Use("api", "write", call)


def consumer(call: Case) -> Use:
    return Use("consumer", "record", call)


def sweep(role: str, call: Case) -> Use:
    return Use(role, "sweep", call)


def query(**given: Any) -> Any:
    plain = {"statuses": ("done", "open"), "priorities": (), "tags": (), "tags_any": (), "parents": (),
             "deleted": False, "sort": (("created_at", True),)}  # fmt: skip
    return SimpleNamespace(**plain | given)


def listed(tx: Any, ids: Any) -> None:
    page = TaskList(tx).page
    for sort in ("due", "priority", "created_at", "updated_at", "title"):
        for down in (False, True):
            found = page(query(sort=((sort, down),)), after=None, limit=51)
            if found:
                page(query(sort=((sort, down),)), after=found[-1].sort_keys, limit=51)
    page(query(priorities=(1,), tags=("tag1",), tags_any=("tag2",)), after=None, limit=51)
    page(query(parents=(ids.task,)), after=None, limit=51)
    page(query(deleted=True), after=None, limit=51)


def entry(tx: Any, ids: Any) -> Entry:
    names = Entry.__dataclass_fields__
    given = {
        "user_id": tx.user_id,
        "seq": 10**6,
        "event_id": uuid.uuid4(),
        "type": "x",
        "actor": {},
        "task_id": ids.task,
        "task_version": 1,
        "occurred_at": NOW,
        "recorded_at": NOW,
        "request_id": None,
    }
    return Entry(**{name: given.get(name, {}) for name in names})  # fmt: skip


def dead_letter(tx: Any, _ids: Any) -> None:
    DeadLetters(tx).put(
        DeadLetter(consumer="audit", source="/x", id="1", type="x", user_id="", topic="t", status=500,
                   code="x", detail=None, event={})
    )  # fmt: skip


def forgotten(tx: Any, _ids: Any) -> None:
    for table, rules in RETENTION.items():
        for rule in rules if isinstance(rules, tuple) else ():
            assert isinstance(rule, Forget)
            forgetting.forget(tx, table, rule, limit=20)  # 500 are a good part of this table


def occurrence(ids: Any) -> Occurrence:
    return Occurrence(series_id=ids.series, key="fresh", outcome="open", task_id=ids.task, ordinal=9,
                      after_key=None, created_at=NOW)  # fmt: skip


def due_letter(tx: Any, ids: Any) -> list[Due]:
    return [Due(tx.user_id, "audit", "/taskflow/tasks", str(ids.event), 0)]


def changed(tx: Any, ids: Any) -> None:
    before = Tasks(tx).get(ids.task, deleted=True)
    Tasks(tx).change(before, before.changed(NOW, title="another"), TaskUpdated)


def outbox_row(tx: Any) -> Any:
    rows = outbox.pending(tx, tx.user_id, limit=3)
    assert rows
    return rows


def of_series(call: Callable[[Occurrences, Any], Any], use: Callable[[Case], Use] = api) -> Use:
    return use(lambda tx, ids: call(Occurrences(tx, ids.series), ids))


CASES: dict[str, Use] = {
    "accounts.timezone_of": api(lambda tx, _: accounts.timezone_of(tx)),
    "Accounts.set_webhook_events": api(lambda tx, _: Accounts(tx).set_webhook_events(["*"])),
    "Accounts.preferences": api(lambda tx, _: Accounts(tx).preferences()),
    "Accounts.own_preferences": api(lambda tx, _: Accounts(tx).own_preferences()),
    "Accounts.change_preferences": api(
        lambda tx, _: Accounts(tx).change_preferences(Accounts(tx).preferences(), Accounts(tx).preferences())
    ),
    "Accounts.schedule_digest": api(lambda tx, _: Accounts(tx).schedule_digest(Accounts(tx).preferences())),
    "Accounts.tzdata": api(lambda tx, _: Accounts(tx).tzdata()),
    "Accounts.derived_with": api(lambda tx, _: Accounts(tx).derived_with("2026.1")),
    "AuditLog.lock_head": consumer(lambda tx, _: AuditLog(tx).lock_head()),
    "AuditLog.has": consumer(lambda tx, ids: AuditLog(tx).has(ids.event)),
    "AuditLog.append": consumer(
        lambda tx, ids: AuditLog(tx).append(AuditLog(tx).lock_head(), entry(tx, ids))
    ),
    "AuditLog.head": api(lambda tx, _: AuditLog(tx).head()),
    "AuditLog.newest": api(
        lambda tx, _: [AuditLog(tx).newest(before=seq, limit=51) for seq in (None, 900)]
    ),
    "AuditLog.of_task": api(lambda tx, ids: AuditLog(tx).of_task(ids.task, after=(-1, 0), limit=51)),
    "AuditLog.begin_check": api(lambda tx, _: AuditLog(tx).begin_check()),
    "AuditLog.following": api(lambda tx, _: AuditLog(tx).following(0, upto=30_000, limit=500)),
    "AuditLog.beyond_head": api(lambda tx, _: AuditLog(tx).beyond_head()),
    "DeadLetters.put": sweep("relay", dead_letter),
    "DeadLetters.due": sweep("relay", lambda tx, _: DeadLetters(tx).due(limit=500)),
    "Replays.run": Use("relay", "record", lambda tx, ids: Replays(tx).run(due_letter(tx, ids))),
    "Deliveries.add": consumer(
        lambda tx, ids: Deliveries(tx).add(
            uuid.uuid4(), event_type="x", channel="webhook", recipient=str(ids.webhook), payload="{}"
        )
    ),
    "Deliveries.postpone": consumer(lambda tx, _: Deliveries(tx).postpone(["task.created"], NOW)),
    "Deliveries.release": consumer(lambda tx, _: Deliveries(tx).release(["task.created"])),
    "Deliveries.waiting": consumer(lambda tx, _: Deliveries(tx).waiting()),
    "Deliveries.claim": consumer(lambda tx, ids: Deliveries(tx).claim(str(ids.webhook))),
    "Deliveries.mark": consumer(
        lambda tx, ids: Deliveries(tx).mark(
            Claimed(ids.delivery, ids.event, "x", str(ids.webhook), "{}", 1), Result("sent")
        )
    ),
    "Deliveries.of_recipient": api(
        lambda tx, ids: [
            Deliveries(tx).of_recipient(str(ids.webhook), before=at, limit=51)
            for at in (None, (NOW, ids.delivery))
        ]
    ),
    "Deliveries.get": api(lambda tx, ids: Deliveries(tx).get(ids.delivery, recipient=str(ids.webhook))),
    "Deliveries.resend": api(lambda tx, ids: Deliveries(tx).resend(ids.delivery, recipient=str(ids.webhook))),
    "Deliveries.give_up": api(lambda tx, ids: Deliveries(tx).give_up(str(ids.webhook), error="gone")),
    "DueDeliveries.users": sweep("consumer", lambda tx, _: DueDeliveries(tx).users(limit=500)),
    "DerivedInstants.refresh": api(lambda tx, _: DerivedInstants(tx).refresh(("floating", "date"), limit=20)),
    "OutdatedAccounts.users": sweep(
        "relay", lambda tx, _: OutdatedAccounts(tx).users("2026.1", limit=500, after="user-5")
    ),
    "DueDigests.page": sweep("consumer", lambda tx, _: DueDigests(tx).page(after=None, limit=500)),
    "Digests.take": consumer(lambda tx, _: Digests(tx).take()),
    "Digests.content": consumer(lambda tx, _: Digests(tx).content(NOW, NOW + timedelta(days=1))),
    "DueReminders.page": sweep("ticker", lambda tx, _: DueReminders(tx).page(after=None, limit=500)),
    "TakenReminders.take": Use("ticker", "each", lambda tx, _: TakenReminders([tx]).take(limit=50)),
    "TakenReminders.emitted": Use(
        "ticker", "each", lambda tx, ids: TakenReminders([tx]).emitted([[ids.event]])
    ),
    "Feed.read": sweep("api", lambda tx, ids: Feed(tx).read([(ids.user, 0), (ids.user, None)])),
    "Notifications.add": consumer(
        lambda tx, ids: Notifications(tx).add(
            uuid.uuid4(), event_type="x", task_id=ids.task, title="t", data={}
        )
    ),
    "Notifications.newest": api(
        lambda tx, ids: [
            Notifications(tx).newest(unread=unread, before=before, limit=51)
            for unread in (False, True)
            for before in (None, (NOW, ids.notification))
        ]
    ),
    "Notifications.mark_read": api(lambda tx, ids: Notifications(tx).mark_read(ids.notification)),
    "Reminders.plan": api(lambda tx, ids: Reminders(tx).plan([Tasks(tx).get(ids.task)])),
    "Reminders.plan_new": api(
        lambda tx, ids: Reminders(tx).plan_new(
            [replace(Tasks(tx).get(ids.task), reminders=[{"remind_at": "2027-01-01T00:00:00Z"}])]
        )
    ),
    "Reminders.replace": api(
        lambda tx, ids: Reminders(tx).replace(
            Tasks(tx).get(ids.task), Moved((Planned(NOW + timedelta(days=9), ("in_app",)),), (ids.reminder,))
        )
    ),
    "Reminders.of_tasks": api(lambda tx, ids: Reminders(tx).of_tasks([ids.task])),
    "AllSeries.lock": api(lambda tx, ids: AllSeries(tx).lock(ids.series)),
    "AllSeries.lock_all": api(lambda tx, ids: AllSeries(tx).lock_all([ids.series])),
    "AllSeries.open_tasks": api(lambda tx, ids: AllSeries(tx).open_tasks([ids.series])),
    "AllSeries.get": api(lambda tx, ids: AllSeries(tx).get(ids.series)),
    "AllSeries.predecessor": api(lambda tx, ids: AllSeries(tx).predecessor(ids.series)),
    "AllSeries.add": api(
        lambda tx, ids: AllSeries(tx).add(replace(AllSeries(tx).get(ids.series), id=uuid.uuid4()))
    ),
    "AllSeries.save": api(lambda tx, ids: AllSeries(tx).save(AllSeries(tx).get(ids.series))),
    "AllSeries.save_all": api(lambda tx, ids: AllSeries(tx).save_all([AllSeries(tx).get(ids.series)])),
    "Occurrences.get": of_series(lambda found, _: found.get("k1")),
    "Occurrences.open": of_series(lambda found, _: found.open()),
    "Occurrences.following": of_series(lambda found, _: found.following("k1")),
    "Occurrences.last_ended": of_series(lambda found, _: found.last_ended()),
    "Occurrences.newest": of_series(lambda found, _: found.newest()),
    "Occurrences.page": of_series(lambda found, _: [found.page(limit=51, before=n) for n in (None, 9_000)]),
    "Occurrences.add_open": of_series(lambda found, ids: (found.clear(), found.add_open(occurrence(ids)))),
    "Occurrences.add_missed": of_series(
        lambda found, _: found.add_missed(["m1", "m2"], first_ordinal=9, after_key="k1")
    ),
    "Occurrences.set_outcome": of_series(lambda found, _: found.set_outcome("k1", "done")),
    "Occurrences.rekey": of_series(lambda found, _: found.rekey("k1", "other", emitted_count=2)),
    "Occurrences.withdraw_after": of_series(lambda found, _: found.withdraw_after("k1")),
    "Occurrences.clear": of_series(lambda found, _: found.clear()),
    "Occurrences.remove": of_series(lambda found, _: found.remove("k1")),
    "TaskList.page": api(listed),
    "Tasks.get": api(lambda tx, ids: Tasks(tx).get(ids.task)),
    "Tasks.get_for_update": api(lambda tx, ids: Tasks(tx).get_for_update(ids.task)),
    "Tasks.subtasks": api(lambda tx, ids: Tasks(tx).subtasks(ids.task, limit=100)),
    "Tasks.below": api(lambda tx, ids: Tasks(tx).below(ids.task)),
    "Tasks.deleted_with": api(
        lambda tx, ids: Tasks(tx).deleted_with(replace(Tasks(tx).get(ids.task), deleted_at=NOW))
    ),
    "Tasks.placement": api(lambda tx, ids: Tasks(tx).placement(ids.task, ids.other_task)),
    "Tasks.written": api(lambda tx, ids: Tasks(tx).written([ids.task])),
    "Tasks.add": api(lambda tx, ids: Tasks(tx).add(fresh(tx, ids))),
    "Tasks.add_all": api(lambda tx, ids: Tasks(tx).add_all([fresh(tx, ids), fresh(tx, ids)])),
    "Tasks.change": api(changed),
    "Tasks.change_all": api(changed),
    "TrashedTasks.page": sweep("relay", lambda tx, _: TrashedTasks(tx).page(NOW, after=None, limit=500)),
    "Trash.purge": Use("relay", "write", lambda tx, _: Trash(tx).purge(NOW, limit=100)),
    "Trash.drop_empty_series": Use("relay", "write", lambda tx, _: Trash(tx).drop_empty_series()),
    "Webhooks.all": api(lambda tx, _: Webhooks(tx).all()),
    "Webhooks.get": api(lambda tx, ids: Webhooks(tx).get(ids.webhook)),
    "Webhooks.asking_for": consumer(lambda tx, _: Webhooks(tx).asking_for("io.taskflow.task.created.v1")),
    "Webhooks.add": api(
        lambda tx, ids: Webhooks(tx).add(replace(Webhooks(tx).get(ids.webhook), id=uuid.uuid4()))
    ),
    "Webhooks.change": api(
        lambda tx, ids: Webhooks(tx).change(Webhooks(tx).get(ids.webhook), Webhooks(tx).get(ids.webhook))
    ),
    "Webhooks.remove": api(lambda tx, ids: Webhooks(tx).remove(Webhooks(tx).get(ids.webhook))),
    "Webhooks.disable": api(lambda tx, ids: Webhooks(tx).disable(ids.webhook, reason="gone")),
    "Webhooks.pause": consumer(
        lambda tx, ids: Webhooks(tx).pause(Webhooks(tx).get(ids.webhook), until=NOW + timedelta(hours=1))
    ),
    "Webhooks.answered": consumer(lambda tx, ids: Webhooks(tx).answered(ids.webhook)),
    "Webhooks.end_pause": api(lambda tx, ids: Webhooks(tx).end_pause(ids.webhook)),
    "failures.record_failure": consumer(
        lambda tx, _: failures.record_failure(tx, consumer="audit", source="/x", id="1", type="x")
    ),
    "failures.record_skip": consumer(
        lambda tx, _: failures.record_skip(
            tx, consumer="audit", source="/x", id="1", type="x", schema_version="9", event={}
        )
    ),
    "forgetting.forget": sweep("relay", forgotten),
    "idempotency.find": api(lambda tx, _: idempotency.find(tx, "k1")),
    "idempotency.store": api(
        lambda tx, _: idempotency.store(tx, "k1", request_hash=b"h", status=201, headers={}, body="{}")
    ),
    "inbox.claim": consumer(lambda tx, _: inbox.claim(tx, "audit", "/x", "1")),
    "outbox.insert": api(lambda tx, ids: (changed(tx, ids), outbox.insert(tx))),
    "outbox.try_lock": api(lambda tx, _: outbox.try_lock(tx, tx.user_id)),
    "outbox.try_locks": sweep("relay", lambda tx, ids: outbox.try_locks(tx, [ids.user])),
    "outbox.publish_again": Use(
        "relay", "record", lambda tx, ids: outbox.publish_again(tx, tx.user_id, [ids.event])
    ),
    "outbox.publish_period_again": sweep(
        "relay",
        lambda tx, _: outbox.publish_period_again(tx, NOW - timedelta(minutes=5), NOW, limit=500),
    ),
    "outbox.pending": api(lambda tx, _: outbox.pending(tx, tx.user_id)),
    "outbox.pending_of": sweep(
        "relay", lambda tx, ids: outbox.pending_of(tx, [ids.user, "user-9"], limit=500)
    ),
    "outbox.mark_published": api(lambda tx, ids: (changed(tx, ids), outbox.insert(tx),
                                                  outbox.mark_published(tx, outbox_row(tx)))),
    "outbox.mark_failed": Use(
        "relay", "write", lambda tx, ids: outbox.mark_failed(tx, emitted(tx, ids), "x")
    ),
    "outbox.users_pending": sweep("relay", lambda tx, _: outbox.users_pending(tx, after="user-3", limit=500)),
    "outbox.backlog": sweep("relay", lambda tx, _: outbox.backlog(tx)),
    "reconciliation.unanswered": sweep(
        "relay",
        lambda tx, _: reconciliation.unanswered(
            tx, since=NOW - timedelta(hours=1), until=NOW, before=NOW, limit=500
        ),
    ),
    "reconciliation.republish": Use(
        "relay", "record", lambda tx, ids: reconciliation.republish(tx, tx.user_id, [lost(ids)])
    ),
}  # fmt: skip


def fresh(tx: Any, ids: Any) -> Any:
    return replace(Tasks(tx).get(ids.task), id=uuid7(NOW), series_id=None, occurrence_key=None)


def emitted(tx: Any, ids: Any) -> Any:
    outbox.publish_again(tx, tx.user_id, [ids.event])
    return outbox_row(tx)[0]


def lost(ids: Any) -> Any:
    return reconciliation.Unanswered(ids.user, 1, 0, ids.event, "x", 0, ["audit"])


def methods() -> Iterator[str]:
    """Public functions and methods of the repositories and the store that have a transaction."""
    for path in sorted([*DB.glob("repositories/*.py"), *DB.glob("store/*.py")]):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and takes(node, "tx") and not node.name.startswith("_"):
                yield f"{path.stem}.{node.name}"
            if isinstance(node, ast.ClassDef):
                own = [each for each in node.body if isinstance(each, ast.FunctionDef)]
                if any(
                    each.name == "__init__" and (takes(each, "tx") or takes(each, "each")) for each in own
                ):
                    yield from (f"{node.name}.{e.name}" for e in own if not e.name.startswith("_"))


def takes(function: ast.FunctionDef, name: str) -> bool:
    return any(argument.arg == name for argument in function.args.args)


# (user or "sweep", case, table) → why the whole table is read.
_MOST = "asks for most rows of the table, since this user has most of them"
WHOLE = {
    (crowd.BIG, "DerivedInstants.refresh", "tasks"): _MOST,
    (crowd.BIG, "Digests.content", "tasks"): _MOST,
    (crowd.BIG, "TaskList.page", "tasks"): "an order without an index of its own sorts what the user has",
    ("sweep", "OutdatedAccounts.users", "accounts"): "once a minute over what is one short row a user",
}


@pytest.fixture(scope="module")
def crowded(postgres):
    """DSNs by role of a database of its own, filled and analyzed; and the superuser's connection to it."""
    name = f"crowd_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres["admin"], autocommit=True) as admin:
        roles.ensure_database(admin, name)
        dsns = {role: make_conninfo(dsn, dbname=name) for role, dsn in postgres.items() if role != "admin"}
        migrate.upgrade(dsns["owner"])
        info = conninfo_to_dict(postgres["admin"]) | {"dbname": name}
        with psycopg.connect(make_conninfo("", **info), autocommit=True) as connection:
            crowd.fill(connection)
            yield dsns, connection
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module", params=[crowd.TYPICAL, crowd.BIG])
def ids(request, crowded):
    _, connection = crowded
    # Number 1 of everything, which all users have, looks like many rows if it is the big one's.
    number = 1 if request.param == crowd.TYPICAL else 12_301
    nouns = ("reminder", "event", "delivery", "notification")
    found = {noun: crowd.identity(connection, request.param, noun, number) for noun in nouns}
    found |= {noun: crowd.identity(connection, request.param, noun) for noun in ("series", "task", "webhook")}
    other = crowd.identity(connection, request.param, "task", 2)
    return SimpleNamespace(user=request.param, other_task=other, **found)


@contextlib.contextmanager
def recorded(monkeypatch) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that the driver is given, with the parameters of its first row."""
    statements: list[tuple[str, Any]] = []
    execute, many = psycopg.Cursor.execute, psycopg.Cursor.executemany

    def on_execute(cursor, statement, params=None, **options):
        statements.append((statement, params))
        return execute(cursor, statement, params, **options)

    def on_many(cursor, statement, rows, **options):
        rows = list(rows)
        statements.append((statement, rows[0]))
        return many(cursor, statement, rows, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", on_execute)
        patch.setattr(psycopg.Cursor, "executemany", on_many)
        yield statements


class Undo(AppError):
    """Nothing is kept."""


def ran(use: Use, dsns: Any, ids: Any, monkeypatch: Any) -> list[tuple[str, Any]]:
    database = Database(dsns[use.role], clock=lambda: NOW)
    uow = UnitOfWork(database, source="/taskflow/tests")
    opened = {
        "write": lambda: uow.write(ids.user, CAUSE, timeout=60),
        "record": lambda: uow.record(ids.user, CAUSE, timeout=60),
        "read": lambda: uow.read(ids.user, timeout=60),
        "sweep": lambda: uow.sweep(timeout=60),
        "each": lambda: uow.write_each([ids.user], CAUSE, timeout=60),
    }[use.how]
    found: list[tuple[str, Any]] = []
    try:
        with contextlib.suppress(Undo), opened() as tx:
            with recorded(monkeypatch) as found:
                use.call(tx[0] if use.how == "each" else tx, ids)
            raise Undo
    finally:
        database.close()
    return found


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def plans(
    connection: Any, use: Use, user: str, statements: list[tuple[str, Any]], *, free: bool
) -> Iterator[tuple[str, Any]]:
    """(statement, its plan) as the role and the user that run it; `free` of what the role's settings forbid,
    so that a missing index shows.
    """
    with connection.transaction(force_rollback=True):
        for setting, value in roles.SETTINGS[use.role].items():
            if not (free and setting.startswith("enable_")):
                connection.execute("select set_config(%s, %s, true)", (setting, value))
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(use.role)))
        acting = "" if use.how == "sweep" else user
        connection.execute("select set_config('app.user_id', %s, true)", (acting,))
        for statement, params in statements:
            if "set_config('app.user_id'" in statement:
                connection.execute(statement, params)
            elif statement.lstrip().lower().startswith(("select", "insert", "update", "delete", "with")):
                (plan,) = connection.execute(f"explain (format json) {statement}", params).fetchone()
                yield statement, plan[0]["Plan"]


def whole_tables(
    connection: Any, use: Use, user: str, statements: list[tuple[str, Any]]
) -> Iterator[tuple[str, str]]:
    """(table, statement) of what is read from end to end."""
    for statement, plan in plans(connection, use, user, statements, free=True):
        for node in nodes(plan):
            if node["Node Type"] == "Seq Scan":
                yield node["Relation Name"], statement


def test_every_method_has_a_case():
    assert sorted(methods()) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_read_from_end_to_end(name, crowded, ids, monkeypatch):
    dsns, connection = crowded
    statements = ran(CASES[name], dsns, ids, monkeypatch)

    found = [
        (table, statement)
        for table, statement in whole_tables(connection, CASES[name], ids.user, statements)
        if ("sweep" if CASES[name].how == "sweep" else ids.user, name, table) not in WHOLE
    ]
    assert not found


@pytest.mark.parametrize("name", ["Deliveries.waiting", "DueDeliveries.users", "outbox.users_pending"])
def test_a_sweep_steps_from_user_to_user_in_an_index(name, crowded, ids, monkeypatch):
    """A step that sorts what follows it makes the sweep quadratic."""
    dsns, connection = crowded
    statements = ran(CASES[name], dsns, ids, monkeypatch)
    steps = [
        {node["Node Type"] for node in nodes(union)}
        for _, plan in plans(connection, CASES[name], ids.user, statements, free=False)
        for union in nodes(plan)
        if union["Node Type"] == "Recursive Union"
    ]

    assert steps
    for step in steps:
        assert not step & {"Sort", "Bitmap Heap Scan", "Seq Scan"}


def test_a_write_begins_and_ends_without_a_scan(crowded, ids, monkeypatch):
    """What the unit of work itself sends, for every transaction."""
    dsns, connection = crowded
    database = Database(dsns["api"], clock=lambda: NOW)
    try:
        uow = UnitOfWork(database, source="/x")
        with recorded(monkeypatch) as statements, uow.write(ids.user, CAUSE, key="k", timeout=60):
            pass
    finally:
        database.close()

    assert not list(whole_tables(connection, api(lambda *_: None), ids.user, statements))
