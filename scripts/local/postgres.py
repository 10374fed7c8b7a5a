"""PostgreSQL for the local platform and the tests: one private cluster, started from the wheel's binaries.

It listens on a Unix socket only (in a directory of mode 0700), and every role has a password (SCRAM) that
is kept in the state directory. Started by root, the server runs as `nobody` and its cluster is under
/var/lib/taskflow, so that no other directory needs another mode; otherwise the cluster is in the state
directory.
"""

import atexit
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

from scripts.local.postgres_binaries import Server, locate

ROLES = ("owner", "api", "consumer", "ticker", "relay")
DATABASE = "taskflow"
ADMIN = "postgres"
_SOCKET_PATH_LIMIT = 100  # sun_path holds 104 (macOS) or 108 bytes with the final zero
_START_SECONDS, _STOP_SECONDS = 30.0, 15.0
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "jit": "off",
}
_FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class PostgresFailed(RuntimeError):
    """The embedded server did not start or stop; the message ends with its log."""


class EmbeddedPostgres:
    """One cluster for one state directory; `durable=False` (tests) trades crash safety for speed."""

    def __init__(self, directory: Path, *, durable: bool = True, root_base: Path | None = None) -> None:
        self.directory = directory.absolute()
        self._server: Server = locate(root_base or Path("/var/lib/taskflow"))
        digest = hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]
        home = self._server.base / digest if self._server.base else self.directory
        self._home = home
        self._record = home.with_name(f"{digest}.state")  # as root: whose cluster it is
        self.cluster = home / "cluster"
        self.sockets = home / "socket"
        if len(str(self.sockets / ".s.PGSQL.5432")) > _SOCKET_PATH_LIMIT:
            self.sockets = Path("/tmp") / f"taskflow-{self._server.uid}-{digest}"  # noqa: S108 (checked below)
        self._settings = _SETTINGS | ({} if durable else _FORGETFUL)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def admin_dsn(self) -> str:
        """The superuser's DSN: roles are made with it, nothing else."""
        return self._dsn(ADMIN, "postgres")

    def start(self) -> dict[str, str]:
        """Start (or adopt a server whose owner was killed), migrate if needed; the DSN of every role."""
        self._acquire()
        try:
            self._initialize()
            if self._running_pid() is None:
                self._launch()
            self._migrate()
        except BaseException:
            self.stop()
            raise
        return {role: self._dsn(role, DATABASE) for role in ROLES}

    def revive(self) -> bool:
        """Start the server again if it has ended by itself; True when that was necessary."""
        if self._running_pid() is not None:
            return False
        self._launch()
        return True

    def stop(self) -> None:
        """Stop the server and wait for it; harmless when it does not run."""
        pid = self._running_pid()
        if pid is not None:
            os.kill(pid, signal.SIGINT)  # PostgreSQL's fast shutdown
            if not self._gone(pid, _STOP_SECONDS):
                os.kill(pid, signal.SIGQUIT)
                self._gone(pid, _STOP_SECONDS)
        if self._process is not None:
            self._process.wait(_STOP_SECONDS)  # reap it: a zombie keeps its process id
            self._process = None
        atexit.unregister(self.stop)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def destroy(self) -> None:
        """Stop the server and delete the cluster, its passwords and its log."""
        self.stop()
        for path in (self.cluster, self.sockets):
            shutil.rmtree(path, ignore_errors=True)
        for name in ("passwords.json", "schema.stamp", "postgres.log"):
            (self.directory / name).unlink(missing_ok=True)
        if self._server.base:
            shutil.rmtree(self._home, ignore_errors=True)
            self._record.unlink(missing_ok=True)

    def _acquire(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self.directory / "postgres.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise PostgresFailed(
                f"{self.directory}: another process uses this database; stop it or choose another directory"
            ) from None
        self._lock = lock
        # So that no server is left when the owner forgets it or ends by an exception.
        atexit.register(self.stop)

    def _initialize(self) -> None:
        secret = self.directory / "passwords.json"
        if not secret.exists():
            # Without its passwords a cluster cannot be used: the state directory was deleted to start afresh.
            self._stop_orphan()
            shutil.rmtree(self.cluster, ignore_errors=True)
            (self.directory / "schema.stamp").unlink(missing_ok=True)
            write_private(secret, json.dumps({r: secrets.token_urlsafe(24) for r in (ADMIN, *ROLES)}))
        if self._server.base:
            _forget_lost(self._server.base)
        self._server.own_directory(self._home)
        self._server.own_directory(self.sockets)
        self._check_sockets()
        if self._server.base:
            self._record.write_text(str(self.directory))
        if not (self.cluster / "PG_VERSION").exists():
            (self.directory / "schema.stamp").unlink(missing_ok=True)
            self._initdb()

    def _stop_orphan(self) -> None:
        if (pid := self._running_pid()) is not None:
            os.kill(pid, signal.SIGQUIT)
            self._gone(pid, _STOP_SECONDS)

    def _check_sockets(self) -> None:
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != self._server.uid or found.st_mode & 0o077:
            raise PostgresFailed(f"{self.sockets} belongs to somebody else or is open to others; remove it")

    def _initdb(self) -> None:
        partial = self.cluster.with_name(
            "cluster.partial"
        )  # renamed when whole: a killed initdb leaves no cluster
        shutil.rmtree(partial, ignore_errors=True)
        secret = self._home / "password"
        secret.unlink(missing_ok=True)
        write_private(secret, self._passwords()[ADMIN] + "\n", owner=(self._server.uid, self._server.gid))
        command = [self._server.path("initdb"), "-D", str(partial), "-U", ADMIN, "--pwfile", str(secret)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        try:
            done = self._server.run(command)
        finally:
            secret.unlink()
        if done.returncode:
            raise PostgresFailed(f"initdb failed in {partial}:\n{done.stdout}{done.stderr}")
        partial.rename(self.cluster)

    def _launch(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._process = self._spawn()
            if self._ready(deadline):
                return
            log = (self.directory / "postgres.log").read_text(errors="replace")[-2000:]
            # After kill -9 of the server its sessions need a moment to notice and let go of the memory.
            if "shared memory block" not in log or time.monotonic() > deadline:
                raise PostgresFailed(f"PostgreSQL did not start in {self.cluster}:\n{log}")
            time.sleep(0.1)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [self._server.path("postgres"), "-D", str(self.cluster), "-k", str(self.sockets)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.directory / "postgres.log").open("wb") as log:
            return self._server.spawn(command, log)

    def _ready(self, deadline: float) -> bool:
        assert self._process is not None
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            lines = self._pid_file()
            if lines[:1] == [str(self._process.pid)] and [x.strip() for x in lines[7:8]] == ["ready"]:
                return True
            time.sleep(0.01)
        return False

    def _pid_file(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _running_pid(self) -> int | None:
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        lines = self._pid_file()
        if not lines:
            return None
        pid = int(lines[0])
        if str(self.cluster) in (_command_of(pid) or ""):
            return pid
        # Dead, a zombie that nobody reaped, or another process by now: for the last two the server would
        # refuse to start. It still looks for sessions of its predecessor by the shared memory they hold.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        return None

    def _gone(self, pid: int, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process is not None:
                self._process.poll()
            if _command_of(pid) is None:
                return True
            time.sleep(0.01)
        return False

    def _migrate(self) -> None:
        stamp, wanted = self.directory / "schema.stamp", _schema_fingerprint()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        provision(self.admin_dsn, self._dsn("owner", DATABASE), self._passwords())
        stamp.write_text(wanted)

    def _passwords(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.directory / "passwords.json").read_text())
        return found

    def _dsn(self, role: str, database: str) -> str:
        password = self._passwords()[role]
        return f"postgresql://{role}:{password}@/{database}?host={quote(str(self.sockets), safe='')}"


def provision(admin_dsn: str, owner_dsn: str, passwords: Mapping[str, str]) -> None:
    """Makes or repairs roles and database as an administrator, then migrates as `owner`."""
    # Imported here: a plain restart needs neither SQLAlchemy nor Alembic.
    import psycopg

    from shared.db import migrate, roles

    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        roles.ensure_roles(admin, {role: passwords[role] for role in ROLES})
        roles.ensure_database(admin, DATABASE)
    migrate.upgrade(owner_dsn)


def _forget_lost(base: Path) -> None:
    """Delete clusters whose state directory was a temporary one and is gone (tests that were killed).

    A server that still runs there notices within a minute that its files are missing, and ends.
    """
    temporary = {Path(found).resolve() for found in ("/tmp", "/var/tmp", tempfile.gettempdir())}  # noqa: S108  # compared
    for record in base.glob("*.state"):
        try:
            state = Path(record.read_text())
        except FileNotFoundError:  # another start has just forgotten it
            continue
        if temporary & set(state.parents) and not state.exists():
            shutil.rmtree(record.with_suffix(""), ignore_errors=True)
            record.unlink(missing_ok=True)


def write_private(path: Path, text: str, *, owner: tuple[int, int] = (-1, -1)) -> None:
    """A new file that nobody else can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.fchown(descriptor, *owner)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _command_of(pid: int) -> str | None:
    """The command line of a live process; None when there is none (a zombie has no command line)."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ") or None
        except (FileNotFoundError, ProcessLookupError):
            return None
    listed = subprocess.run(
        ["ps", "-p", str(pid), "-o", "stat=,command="], check=False, capture_output=True, text=True
    )
    text = listed.stdout.strip()
    return None if not text or text.startswith("Z") else text


def _schema_fingerprint() -> str:
    """A digest of everything that `_migrate` would apply."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "db"
    files = [*sorted((folder / "migrations").rglob("*.py")), folder / "grants.py", folder / "roles.py"]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
