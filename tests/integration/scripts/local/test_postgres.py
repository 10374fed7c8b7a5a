"""The embedded PostgreSQL: starts, stops, comes back whatever happened, touches nobody's directories."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from scripts.local import postgres_binaries
from scripts.local.postgres import EmbeddedPostgres, PostgresFailed, _command_of

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root runs the server as somebody else")
CHILD = """
import sys
from pathlib import Path
from scripts.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
dsns = server.start()
print(dsns["api"], "sqlalchemy" in sys.modules, flush=True)
sys.stdin.read()
"""

# The interpreter itself may lie in root's home: everything is imported before the user changes.
AS_NOBODY = """
import os, pwd, sys
from pathlib import Path
import psycopg, psycopg_pool, scripts.local.postgres
from scripts.local.postgres import EmbeddedPostgres
def once(path):
    server = EmbeddedPostgres(path, durable=False)
    with psycopg.connect(server.start()["api"]): pass
    places = server.cluster, server.sockets
    print(*places, os.stat(server.sockets).st_mode & 0o777, end=" ")
    server.destroy()
    print(server.sockets.exists())
once(Path(sys.argv[1] + "-root"))
nobody = pwd.getpwnam("nobody")
os.setgroups([]); os.setgid(nobody.pw_gid); os.setuid(nobody.pw_uid)
once(Path(sys.argv[1]))
"""


def ask(dsn, query="select 1", params=()):
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query, params).fetchone()


def do(dsn, statement):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)


def alive(pid):
    return _command_of(pid) is not None


def postmaster(server):
    return int((server.cluster / "postmaster.pid").read_text().split()[0])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A private home with the state directory of one server in it, which the tests share."""
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    yield home
    EmbeddedPostgres(home / "state" / "postgres").destroy()


@pytest.fixture
def server(home):
    server = EmbeddedPostgres(home / "state" / "postgres")
    yield server
    server.stop()


def modes(*paths):
    found = {}
    for path in paths:
        for parent in (path, *path.parents):
            if parent.exists():
                found[parent] = (parent.stat().st_mode, parent.stat().st_uid)
    return found


def test_no_directory_of_anybody_changes(home, server):
    wheel = server._server.programs
    state = home / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    watched = (state, wheel, Path("/var/lib"), Path("/var/tmp"), Path.home())
    before = modes(*watched)
    server.start()
    server.stop()
    assert modes(*watched) == before
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    if ROOT:
        assert home not in server.cluster.parents


def test_everything_of_the_server_is_private(server):
    server.start()
    uid = pwd.getpwnam("nobody").pw_uid if ROOT else os.geteuid()
    for path in (server.cluster, server.sockets):
        assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o700, uid)
    assert stat.S_IMODE((server.directory / "passwords.json").stat().st_mode) == 0o600


def test_every_role_gets_in_with_its_password_only_and_not_over_tcp(server):
    for role, dsn in server.start().items():
        assert ask(dsn, "select current_user::text, current_database()::text") == (role, "taskflow")
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(make_conninfo(dsn, password="guess"))
    assert ask(server.admin_dsn, "select current_setting('listen_addresses')") == ("",)
    assert ask(
        server.admin_dsn,
        "select count(*) from pg_authid where rolcanlogin and rolpassword not like 'SCRAM%%'",
    ) == (0,)
    assert ask(server.admin_dsn, "select rolsuper from pg_roles where rolname = 'owner'") == (False,)


def test_state_and_dsns_survive_a_restart(server):
    dsns = server.start()
    do(dsns["owner"], "create table kept as select 42 as x")
    server.stop()
    assert server.start() == dsns
    assert ask(dsns["owner"], "select x from kept") == (42,)
    do(dsns["owner"], "drop table kept")


def test_stop_twice_is_harmless_and_the_server_is_gone(server):
    dsns = server.start()
    server.stop()
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        ask(dsns["api"])


def test_a_killed_server_comes_back_with_what_was_committed(server):
    dsns = server.start()
    do(dsns["owner"], "create table survived as select 1 as x")
    with psycopg.connect(dsns["api"]) as client:
        client.execute("select 1")
        os.kill(postmaster(server), signal.SIGKILL)
        server.stop()
        again = EmbeddedPostgres(server.directory)
        try:
            assert ask(again.start()["owner"], "select x from survived") == (1,)
            do(dsns["owner"], "drop table survived")
        finally:
            again.stop()
        client.close()


def test_a_pid_file_with_the_number_of_another_process_does_not_block(server):
    server.start()
    server.stop()
    lines = [str(os.getpid()), str(server.cluster), "1", "5432", str(server.sockets), "", "1 1", "ready"]
    (server.cluster / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert ask(server.start()["api"]) == (1,)


def child(directory):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_server_of_a_killed_owner_is_adopted_and_a_restart_needs_no_sqlalchemy(server):
    server.start()
    server.stop()
    with child(server.directory) as owner:
        dsn, imported = owner.stdout.readline().split()
        assert imported == "False"
        pid = postmaster(server)
        owner.kill()
    assert server.start()["api"] == dsn
    assert postmaster(server) == pid
    server.stop()
    assert not alive(pid)


def test_an_owner_that_just_ends_takes_its_server_along(server):
    with child(server.directory) as owner:
        dsn = owner.stdout.readline().split()[0]
        owner.stdin.close()
        assert owner.wait(30) == 0
    with pytest.raises(psycopg.OperationalError):
        ask(dsn)


def test_one_owner_at_a_time(server):
    server.start()
    with pytest.raises(PostgresFailed, match="another process"):
        EmbeddedPostgres(server.directory).start()
    assert ask(server.admin_dsn) == (1,)


def test_a_deleted_state_directory_means_starting_afresh(tmp_path):
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    try:
        with child(server.directory) as owner:
            dsn = owner.stdout.readline().split()[0]
            pid = postmaster(server)
            owner.kill()
        shutil.rmtree(server.directory)
        # A half-made cluster of an interrupted initdb is in the way as well.
        partial = server.cluster.with_name("cluster.partial")
        partial.mkdir(parents=True, mode=0o700)
        (partial / "junk").touch()
        fresh = server.start()
        assert fresh["api"] != dsn
        assert ask(fresh["owner"], "select to_regclass('tasks') is not null") == (True,)
        if ROOT:  # elsewhere the server lost its files, and notices within a minute
            assert not alive(pid)
    finally:
        server.destroy()
    assert not server.cluster.exists()
    assert not (server.directory / "passwords.json").exists()


def test_a_server_that_cannot_start_says_why(tmp_path):
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    try:
        server.start()
        server.stop()
        with (server.cluster / "postgresql.conf").open("a") as file:
            file.write("no_such_setting = 1\n")
        with pytest.raises(PostgresFailed, match="no_such_setting"):
            server.start()
    finally:
        server.destroy()


@needs_root
def test_programs_in_a_private_home_are_copied_and_the_home_stays_shut(tmp_path, monkeypatch):
    base = Path("/var/tmp") / f"taskflow-test-{uuid4().hex[:8]}"
    package = postgres_binaries.locate(base).programs.parents[1]
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    (private / package.name / "pginstall18").parent.mkdir()
    shutil.copytree(package / "pginstall18", private / package.name / "pginstall18", symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), private / f"{package.name}.libs")
    (private / f"{package.name}-0.dist-info").mkdir()
    spec = type("Spec", (), {"submodule_search_locations": [str(private / package.name)]})
    monkeypatch.setattr(postgres_binaries.importlib.util, "find_spec", lambda name: spec)
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False, root_base=base)
    try:
        assert ask(server.start()["api"]) == (1,)
        assert base in server._server.programs.parents
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert EmbeddedPostgres(tmp_path / "x", root_base=base)._server == server._server  # copied once
    finally:
        server.destroy()
        shutil.rmtree(base)


@needs_root
def test_clusters_of_lost_temporary_directories_are_forgotten(tmp_path):
    base = Path("/var/tmp") / f"taskflow-test-{uuid4().hex[:8]}"
    elsewhere = Path("/srv/never/was")
    for name, state in (("lost", tmp_path / "gone"), ("kept", tmp_path), ("other", elsewhere)):
        (base / name).mkdir(parents=True)
        (base / f"{name}.state").write_text(str(state))
    (base / "raced.state").symlink_to(base / "gone")  # listed, and gone when it is read: two starts at once
    base.chmod(0o755)
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False, root_base=base)
    try:
        server.start()
        found = {path.name for path in base.iterdir() if path.is_dir()}
        assert found == {"kept", "other", server.cluster.parent.name}
        assert not (base / "lost.state").exists()
    finally:
        server.destroy()
        shutil.rmtree(base)


def test_a_missing_wheel_names_the_fix(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres_binaries.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(postgres_binaries.PostgresMissing, match="pip install"):
        EmbeddedPostgres(tmp_path)


@needs_root
def test_another_user_keeps_everything_in_the_state_directory(tmp_path):
    """Run as `nobody`, with a path too long for a socket."""
    home = Path("/var/tmp") / f"taskflow-test-{uuid4().hex[:8]}" / ("long" * 25)
    home.mkdir(parents=True)
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    try:
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(home / "postgres")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        cluster, sockets, mode, left = done.stdout.splitlines()[1].split()
        assert cluster == str(home / "postgres" / "cluster")
        assert sockets.startswith("/tmp/taskflow-")
        assert (int(mode), left) == (0o700, "False")
    finally:
        shutil.rmtree(home.parent)


def test_sockets_in_somebody_elses_directory_are_refused(tmp_path):
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    server.directory.mkdir()
    server._server.own_directory(server._home)
    server.sockets.mkdir(mode=0o777)
    server.sockets.chmod(0o777)
    try:
        with pytest.raises(PostgresFailed, match="open to others"):
            server.start()
    finally:
        server.destroy()
