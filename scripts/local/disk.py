"""Writes to files completely and durably. Used by segment.py."""

import errno
import os
from pathlib import Path


def write_all(file: int, content: bytes, at: int) -> None:
    """Write all bytes: when the disk is almost full, one write() stores only a part, without an error."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(file, rest, at)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest, at = rest[written:], at + written


def synchronise(directory: Path) -> None:
    """Makes renames in the directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
