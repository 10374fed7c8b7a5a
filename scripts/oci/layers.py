"""Packs directories as layers; the same files give the same bytes (owner root, sorted, no time).

Called by `command`; `layout` names the layers.
"""

import gzip
import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_LEVEL = 6
_STICKY = {"tmp": 0o1777}


@dataclass(frozen=True)
class Layer:
    """One layer: compressed bytes, and the digests of both forms ("sha256:…")."""

    title: str
    data: bytes
    digest: str
    diff_id: str
    unpacked: int


def layer(title: str, root: Path) -> Layer:
    """Everything below `root`."""
    raw, unpacked = io.BytesIO(), 0
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            info = _described(root, path)
            if info.isreg():
                unpacked += info.size
                with path.open("rb") as file:
                    archive.addfile(info, file)
            else:
                archive.addfile(info)
    tar = raw.getvalue()
    data = gzip.compress(tar, _LEVEL, mtime=0)
    return Layer(title, data, digest(data), digest(tar), unpacked)


def settle(root: Path) -> None:
    """Gives the files themselves the modes and the time that a layer has, for builders that copy them."""
    for path in sorted(root.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(_described(root, path).mode)
        os.utime(path, (0, 0), follow_symlinks=False)


def digest(data: bytes) -> str:
    """As OCI writes it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _described(root: Path, path: Path) -> tarfile.TarInfo:
    """The entry of a file with one of two modes: not writable by others, without set-user-id."""
    name = path.relative_to(root).as_posix()
    info = tarfile.TarInfo(name)
    info.uname = info.gname = "root"
    if path.is_symlink():
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
    elif path.is_dir():
        info.type, info.mode = tarfile.DIRTYPE, _STICKY.get(name, 0o755)
    else:
        stat = path.stat()
        info.size, info.mode = stat.st_size, 0o755 if stat.st_mode & 0o100 else 0o644
    return info
