"""The bottom layer: CPython of Debian and the libraries that it and the wheels need; no shell, no dpkg.

`command` builds it first. A package is here because a file of it is loaded; `_LEFT_OUT` is not kept.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from scripts.oci.debian import Package, unpack

USER, HOME = 10001, "/tmp"  # noqa: S108  # the one writable place of a pod
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_MERGED = ("bin", "lib", "lib64", "sbin")  # links into /usr, as Debian 12 has them
_MOUNTED = ("dev", "proc", "run", "sys")
_ACCOUNTS = (("root", 0), ("nobody", 65534), ("taskflow", USER))
# Below the root. The modules are for tests and terminals, or want Berkeley DB, NIS or SQLite.
_MODULES = ("curses", "dbm", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "sqlite3", "test", "tkinter")
_EXTENSIONS = ("_curses*", "_dbm", "_sqlite3", "_test*", "_xxtest*", "nis", "ossaudiodev", "readline")
_LEFT_OUT = (
    "etc/python3*",
    "etc/update-motd.d",
    "usr/sbin",
    "usr/lib/binfmt.d",
    "usr/lib/*-linux-gnu/gconv",
    "usr/lib/*-linux-gnu/libmvec.so.*",
    "usr/share/base-files",
    "usr/share/binfmts",
    "usr/share/ca-certificates",
    "usr/share/doc/*/[!c]*",
    "usr/share/doc/*/ch*",
    "usr/share/lintian",
    "usr/share/man",
    "usr/lib/python3*/sitecustomize.py",
    *(f"usr/lib/python3*/{name}" for name in _MODULES),
    *(f"usr/lib/python3*/lib-dynload/{name}.*" for name in _EXTENSIONS),
)


def packages(python: str) -> tuple[str, ...]:
    """Debian's names of what an interpreter of that minor version needs here."""
    interpreter = (f"python{python}-minimal", f"libpython{python}-minimal", f"libpython{python}-stdlib")
    libraries = (
        *("libc6", "libgcc-s1", "zlib1g", "libexpat1", "libssl3", "libffi8"),
        *("libbz2-1.0", "liblzma5", "libuuid1", "libcrypt1"),
    )
    return (*interpreter, *libraries, "base-files", "ca-certificates", "netbase")


def build(root: Path, fetched: Sequence[Package], *, python: str) -> None:
    """Fills an empty directory."""
    for name in _MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in fetched:
        unpack(package, root)
        _record(package, root)
    _certificates(root)
    for pattern in _LEFT_OUT:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    _accounts(root)
    local = root / "usr/local/bin"
    local.mkdir(parents=True)
    for name in ("python", "python3"):
        (local / name).symlink_to(f"/usr/bin/python{python}")
    for name in _MOUNTED:
        (root / name).mkdir(exist_ok=True)
    (root / "tmp").mkdir(exist_ok=True)


def _record(package: Package, root: Path) -> None:
    """Where scanners look for the packages of an image that has no dpkg."""
    status = root / "var/lib/dpkg/status.d"
    status.mkdir(parents=True, exist_ok=True)
    (status / package.name).write_text(package.control)


def _certificates(root: Path) -> None:
    """One file of all authorities, as update-ca-certificates makes it."""
    sources = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    bundle = root / CERTIFICATES
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_text("".join(path.read_text().rstrip("\n") + "\n" for path in sources))


def _accounts(root: Path) -> None:
    etc = root / "etc"
    (etc / "passwd").write_text("".join(f"{n}:x:{i}:{i}:{n}:{HOME}:/nonexistent\n" for n, i in _ACCOUNTS))
    (etc / "group").write_text("".join(f"{n}:x:{i}:\n" for n, i in _ACCOUNTS))
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
