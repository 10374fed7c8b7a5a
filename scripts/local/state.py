"""The state directory (TASKFLOW_HOME): lock, secrets, logs, what is running. Used by run.py and the tools."""

import base64
import contextlib
import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.local.model import ManifestError, SecretRef

PROJECT = Path(__file__).resolve().parents[2]
log = logging.getLogger(__name__)


class CannotStart(Exception):
    """The platform cannot start; the message is for the user and says what to do."""


class InUse(CannotStart):
    """Another platform runs on this directory, or a port is taken: names the option and the fix."""


def home(option: str | None = None) -> Path:
    """The state directory: an option, else TASKFLOW_HOME, else `.taskflow/` in the project."""
    return Path(option or os.environ.get("TASKFLOW_HOME") or PROJECT / ".taskflow").absolute()


class State:
    """Paths and small files below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.topics = directory / "topics"
        self.database = directory / "database"
        self._running = directory / "platform.json"
        self._processes = directory / "processes.json"

    def make(self) -> None:
        """Creates the directories; private, because DSNs and keys lie here."""
        for folder in (self.directory, self.logs, self.topics, self.directory / "secrets"):
            folder.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One platform per directory; InUse names the other one."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InUse(
                    f"a platform (pid {self.running().get('pid', 'unknown')}) already runs on "
                    f"{self.directory}; stop it, or give another directory with --data"
                ) from None
            yield

    def reset(self) -> None:
        """Deletes everything but the lock; call while holding it."""
        for child in self.directory.iterdir():
            if child.name == "lock":
                continue
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()

    def announce(self, facts: Mapping[str, Any]) -> None:
        """Tells the command line tools where the platform listens."""
        self._running.write_text(json.dumps(dict(facts), indent=1))

    def running(self) -> dict[str, Any]:
        """What announce() wrote, {} if nothing runs or ever ran."""
        try:
            return dict(json.loads(self._running.read_text()))
        except (OSError, ValueError):
            return {}

    def withdraw(self) -> None:
        self._running.unlink(missing_ok=True)
        self._processes.unlink(missing_ok=True)

    def remember_processes(self, pids: Mapping[str, int]) -> None:
        """Store the processes, so that the next start can end them if the platform is killed."""
        started = {name: [pid, _started(pid)] for name, pid in pids.items()}
        draft = self._processes.with_suffix(".new")
        try:
            draft.write_text(json.dumps(started))
            draft.replace(self._processes)
        except OSError as error:  # a full disk: this is only needed after a kill -9 of the platform
            log.warning("cannot write %s: %s", self._processes, error.strerror)

    def end_leftovers(self) -> list[str]:
        """Kills the processes of a platform that was killed. Their start times are compared, because a
        process id can be used again.
        """
        try:
            left = json.loads(self._processes.read_text())
        except (OSError, ValueError):
            return []
        ended = []
        for name, (pid, started) in left.items():
            if started and started == _started(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    ended.append(name)
        return ended

    def write_secret(self, ref: SecretRef, value: str) -> None:
        path = self._secret(ref)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(value)
        draft.replace(path)

    def read_secret(self, ref: SecretRef) -> str | None:
        path = self._secret(ref)
        return path.read_text().strip() if path.is_file() else None

    def secret(self, ref: SecretRef) -> str:
        """The value a manifest refers to; made at first use if the platform knows how."""
        value = self.read_secret(ref)
        if value is None and ref in GENERATED:
            value = GENERATED[ref]()
            self.write_secret(ref, value)
        if value is None:
            raise ManifestError(
                f"secret {ref.name}/{ref.key}: nothing in {self._secret(ref)}; write the value there"
            )
        return value

    def _secret(self, ref: SecretRef) -> Path:
        for part in (ref.name, ref.key):
            if "/" in part or part.startswith("."):
                raise ManifestError(f"secret {ref.name}/{ref.key}: not a file name")
        return self.directory / "secrets" / ref.name / ref.key


def _random_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


# Secrets that the platform invents; those of taskflow-database come from the embedded PostgreSQL.
GENERATED = {SecretRef("taskflow-webhooks", "encryption-key"): _random_key}


def _started(pid: int) -> str:
    """The kernel's start time of a process, "" if it is gone or /proc is absent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
