"""A dump holds every row of one moment; a restore gives them back, behind the same walls."""

import json
import threading
import uuid
import zipfile
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared.db import dumps, migrate, restoring, roles
from shared.db.dumps import DumpFailed
from shared.db.repositories.feed import Feed
from shared.db.schema import metadata
from shared.db.uow import UnitOfWork
from tests.integration.shared.db.conftest import act_as, insert, sample

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TABLES = sorted(table.name for table in metadata.sorted_tables)


@pytest.fixture
def fresh(dsns):
    """`fresh()`: DSNs of a new database without tables, by role."""
    made = []
    with psycopg.connect(dsns["admin"], autocommit=True) as admin:

        def make():
            made.append(f"dumps_{uuid.uuid4().hex[:12]}")
            roles.ensure_database(admin, made[-1])
            return {role: make_conninfo(dsns[role], dbname=made[-1]) for role in roles.ROLES}

        yield make
        for name in made:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def source(fresh):
    """A migrated database with rows of three users in every table."""
    found = fresh()
    migrate.upgrade(found["owner"])
    with psycopg.connect(found["owner"]) as owner:
        for user in ("ada", "bob", "zoë"):
            act_as(owner, user)
            for table, row in sample(user).items():
                owner.execute(*insert(table, row))
        act_as(owner, "ada")
        owner.execute("update tasks set title = %s", ("tab\tline\nback\\slash \\N ☃",))
        owner.execute("update accounts set change_seq = 41, feed_floor = 7")
    return found


def rows(dsn):
    """Everything in the database, by table."""
    with psycopg.connect(dsn) as owner:
        return {
            table: sorted(
                map(repr, owner.execute(sql.SQL("select * from {}").format(sql.Identifier(table))).fetchall())
            )
            for table in TABLES
        }


def dump(found, tmp_path):
    path = tmp_path / f"{uuid.uuid4().hex}.dump"
    return path, dumps.write(found["owner"], path, at=AT)


def test_every_row_comes_back(source, fresh, tmp_path):
    path, manifest = dump(source, tmp_path)
    assert manifest.rows == dict.fromkeys(TABLES, 3)
    other = fresh()
    assert restoring.restore(other["owner"], path) == manifest
    before, after = rows(source["owner"]), rows(other["owner"])
    for table in set(TABLES) - {"accounts", "outbox"}:
        assert after[table] == before[table]
    assert {table: len(found) for table, found in after.items()} == manifest.rows


def test_the_walls_stand_after_a_restore(source, fresh, tmp_path):
    path, _ = dump(source, tmp_path)
    other = fresh()
    restoring.restore(other["owner"], path)
    question = """select relname::text, relrowsecurity, relforcerowsecurity, relacl::text,
                    relowner::regrole::text
                  from pg_class where relnamespace = 'public'::regnamespace order by relname"""
    with psycopg.connect(source["owner"]) as one, psycopg.connect(other["owner"]) as two:
        assert two.execute(question).fetchall() == one.execute(question).fetchall()
    with psycopg.connect(other["api"]) as api:
        act_as(api, "bob")
        assert api.execute("select distinct user_id from tasks").fetchall() == [("bob",)]


def test_tokens_of_before_never_mean_something_else(source, fresh, tmp_path, database):
    """A client that read up to 44 and lost 42 to 44 with the database must not resume among new changes."""
    path, _ = dump(source, tmp_path)
    other = fresh()
    restoring.restore(other["owner"], path)
    with psycopg.connect(other["owner"]) as owner:
        found = dict(owner.execute("select user_id, change_seq from accounts"))
    assert found == {"ada": 41 + restoring.TOKEN_GAP, "bob": restoring.TOKEN_GAP, "zoë": restoring.TOKEN_GAP}
    from shared.db.pool import Database

    api = Database(other["api"])
    try:
        with UnitOfWork(api, source="/x").sweep() as tx:
            slices = Feed(tx).read([("ada", 41), ("ada", 44), ("ada", found["ada"])])
    finally:
        api.close()
    assert [one.lost for one in slices] == [True, True, False]


def test_recent_events_are_published_again_and_old_and_dead_ones_are_not(source, fresh, tmp_path):
    with psycopg.connect(source["owner"]) as owner:
        for user, published, dead in (
            ("ada", AT - timedelta(hours=1), None),
            ("bob", AT - timedelta(hours=25), None),
            ("zoë", None, AT),
        ):
            act_as(owner, user)
            owner.execute("update outbox set published_at = %s, dead_at = %s", (published, dead))
    path, _ = dump(source, tmp_path)
    for hours, expected in ((24, {"ada"}), (48, {"ada", "bob"}), (0, set())):
        other = fresh()
        restoring.restore(other["owner"], path, republish=timedelta(hours=hours))
        with psycopg.connect(other["owner"]) as owner:
            due = owner.execute("select user_id from outbox where published_at is null and dead_at is null")
            assert {row[0] for row in due} == expected


def test_a_dump_is_of_one_moment(source, tmp_path, monkeypatch):
    """Whatever is written while it is taken is in all tables or in none."""
    copied, go_on, real = threading.Event(), threading.Event(), dumps._copy

    def slow(connection, file, name, columns):
        table = real(connection, file, name, columns)
        copied.set()
        assert go_on.wait(30)
        return table

    monkeypatch.setattr(dumps, "_copy", slow)
    taken = []
    thread = threading.Thread(target=lambda: taken.append(dump(source, tmp_path)[1]))
    thread.start()
    assert copied.wait(30)
    with psycopg.connect(source["owner"]) as owner:
        act_as(owner, "late")
        for table, row in sample("late").items():
            owner.execute(*insert(table, row))
    go_on.set()
    thread.join(60)
    assert taken[0].rows == dict.fromkeys(TABLES, 3)


def test_a_database_in_use_is_left_alone(source, tmp_path):
    path, _ = dump(source, tmp_path)
    before = rows(source["owner"])
    with pytest.raises(DumpFailed, match="has rows in accounts, audit_entries"):
        restoring.restore(source["owner"], path)
    assert rows(source["owner"]) == before


def test_a_migrated_database_without_rows_is_good_enough(source, fresh, tmp_path):
    path, manifest = dump(source, tmp_path)
    other = fresh()
    migrate.upgrade(other["owner"])
    restoring.restore(other["owner"], path)
    assert {table: len(found) for table, found in rows(other["owner"]).items()} == manifest.rows


def rewritten(path, change):
    """The dump at `path` with members changed by `change(name, content)`; None leaves one out."""
    target = path.with_suffix(".changed")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda name, content: content + b"x\n" if name == "tasks.copy" else content, "rows of tasks"),
        (lambda name, content: None if name == "tasks.copy" else content, "tasks"),
        (lambda name, content: None if name == "manifest.json" else content, "manifest"),
        (lambda name, content: b"{}" if name == "manifest.json" else content, "format"),
        (
            lambda name, content: (
                json.dumps(json.loads(content) | {"format": 2}) if name == "manifest.json" else content
            ),
            "format 2",
        ),
    ],
)
def test_a_dump_that_is_not_whole_changes_nothing(source, fresh, tmp_path, change, named):
    path, _ = dump(source, tmp_path)
    other = fresh()
    with pytest.raises(DumpFailed, match=named):
        restoring.restore(other["owner"], rewritten(path, change))
    assert migrate.state(other["owner"]).current is None


def test_half_a_file_is_no_dump(source, tmp_path):
    path, _ = dump(source, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DumpFailed, match="no whole dump"):
        dumps.read(path)


def test_a_restore_that_fails_midway_leaves_no_rows_and_can_be_repeated(source, fresh, tmp_path, monkeypatch):
    path, manifest = dump(source, tmp_path)
    other = fresh()
    real = restoring._load

    def fail(connection, file, table):
        if table.name == "reminders":
            raise OSError("the volume is gone")
        real(connection, file, table)

    monkeypatch.setattr(restoring, "_load", fail)
    with pytest.raises(OSError, match="volume"):
        restoring.restore(other["owner"], path)
    assert rows(other["owner"]) == {name: [] for name in TABLES}
    monkeypatch.setattr(restoring, "_load", real)
    restoring.restore(other["owner"], path)
    assert {table: len(found) for table, found in rows(other["owner"]).items()} == manifest.rows


def test_hidden_rows_stop_a_dump(source, tmp_path):
    """Without its policy `owner` would dump nothing, and nobody would notice before the restore."""
    with psycopg.connect(source["owner"]) as owner:
        owner.execute("drop policy dumps on series")
    with pytest.raises(DumpFailed, match="series are hidden"):
        dump(source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_dump_of_an_older_revision_is_migrated_on_the_way(fresh, dsns, tmp_path):
    found = fresh()
    migrate.upgrade(found["owner"])
    migrate.downgrade(found["owner"], "0006")
    row = sample("ada")["webhooks"]
    with psycopg.connect(found["owner"]) as owner:
        act_as(owner, "ada")
        owner.execute(*insert("webhooks", row))
    path, manifest = dump(found, tmp_path)
    assert manifest.revision == "0006"
    other = fresh()
    restoring.restore(other["owner"], path)
    assert migrate.state(other["owner"]).pending == ()
    with psycopg.connect(other["owner"]) as owner:
        assert owner.execute("select url, unanswered from webhooks").fetchall() == [("https://x", 0)]


def test_roles_and_passwords_are_in_no_dump(source, tmp_path):
    path, _ = dump(source, tmp_path)
    secrets = {conninfo_to_dict(dsn)["password"] for dsn in source.values()}
    with zipfile.ZipFile(path) as file:
        content = b"".join(file.read(name) for name in file.namelist()).decode()
    assert not [secret for secret in secrets if secret in content]
    assert path.stat().st_mode & 0o077 == 0
