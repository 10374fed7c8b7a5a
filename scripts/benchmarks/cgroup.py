"""A control group with a CPU quota, set as the kubelet sets `limits.cpu`. Used by `quota`.

Uses version 2, else version 1; both need root, or a hierarchy that was delegated to the user.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD = 100_000  # µs, the kernel's and the kubelet's default
_EMPTY_SECONDS = 5.0


class Unavailable(Exception):
    """No group with a quota can be made here; the message says why."""


@dataclass(frozen=True)
class Group:
    """A control group; all processes in it share its quota."""

    path: Path

    def entering(self, command: Sequence[str]) -> tuple[str, ...]:
        """`command` so changed that it runs in the group from its start."""
        script = f'echo $$ > "{self.path}/cgroup.procs" && exec "$@"'
        return ("/bin/sh", "-c", script, "sh", *command)

    def throttled(self) -> int:
        """The number of periods so far in which a process of the group was stopped."""
        words = dict(line.split() for line in (self.path / "cpu.stat").read_text().splitlines())
        return int(words["nr_throttled"])


@contextlib.contextmanager
def limited(cpu: float, root: Path = ROOT) -> Iterator[Group]:
    """A group that may use `cpu` processors; raises Unavailable."""
    quota = round(cpu * PERIOD)
    if (root / "cgroup.controllers").exists():
        (parent, files) = root, {"cpu.max": f"{quota} {PERIOD}"}
    else:
        parent = _own(root)
        files = {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": str(quota)}
    path = parent / f"taskflow-bench-{os.getpid()}"
    try:
        if parent is root:
            _write(root / "cgroup.subtree_control", "+cpu")
        path.mkdir()
        for name, value in files.items():
            _write(path / name, value)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.rmdir()
        raise Unavailable(f"no CPU quota here: {error.filename}: {error.strerror}") from error
    try:
        yield Group(path)
    finally:
        _remove(path)


def _own(root: Path) -> Path:
    """The group of this process in the hierarchy of version 1 that has the controller `cpu`."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return root / controllers / path.lstrip("/")
    return root / "cpu"


def _write(path: Path, value: str) -> None:
    """Write to a file of the kernel; never create one."""
    with path.open("r+") as file:
        file.write(value)


def _remove(path: Path) -> None:
    """Remove a group; retried, because it is busy until its last process is gone."""
    deadline = time.monotonic() + _EMPTY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            path.rmdir()
            return
        time.sleep(0.05)
    raise RuntimeError(f"{path} does not become empty")
