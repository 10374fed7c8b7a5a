"""One partition as an append-only file: length, CRC, payload. Used by log.py, from its writer thread.

A crash in the middle of a write leaves a torn tail, which opening cuts off and keeps beside the file; a
record that was acknowledged was synchronised to disk before.
"""

import contextlib
import errno
import logging
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from scripts.local.topics import NewRecord, Record

log = logging.getLogger(__name__)
_FRAME = struct.Struct(">II")
_FIXED = struct.Struct(">Qi")


class Segment:
    """Appends and random reads of one partition; offsets count from 0 without gaps."""

    def __init__(self, path: Path, topic: str, *, partition: int) -> None:
        self._topic, self._partition = topic, partition
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._starts: list[int] = []
        self._end = 0
        self._recover(os.fstat(self._file).st_size)

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def size(self) -> int:
        """Bytes in the file, for undoing a batch."""
        return self._end

    def append(self, records: Sequence[NewRecord], timestamp: int) -> int:
        """Writes and synchronises; returns the first offset. On error nothing of it stays."""
        first, mark = len(self._starts), self._end
        frames = [_frame(_encode(record, timestamp)) for record in records]
        try:
            self._write(b"".join(frames))
            os.fdatasync(self._file)
        except OSError:
            with contextlib.suppress(OSError):  # what stays behind the end is written over
                os.ftruncate(self._file, mark)
            raise
        for frame in frames:
            self._starts.append(self._end)
            self._end += len(frame)
        return first

    def _write(self, content: bytes) -> None:
        """All of it, behind the end: a disk that is almost full takes a part without an error."""
        rest, at = memoryview(content), self._end
        while rest:
            written = os.pwrite(self._file, rest, at)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            rest, at = rest[written:], at + written

    def truncate(self, count: int) -> None:
        """Forgets every record from offset `count` on: undoes the newest batch of a failed request."""
        if count < len(self._starts):
            self._end = self._starts[count]
            del self._starts[count:]
            os.ftruncate(self._file, self._end)

    def read(self, offset: int) -> Record:
        """The record at an existing offset."""
        start = self._starts[offset]
        length, _ = _FRAME.unpack(os.pread(self._file, _FRAME.size, start))
        payload = os.pread(self._file, length, start + _FRAME.size)
        return _decode(payload, self._topic, partition=self._partition, offset=offset)

    def close(self) -> None:
        os.close(self._file)

    def _recover(self, size: int) -> None:
        while self._end + _FRAME.size <= size:
            length, crc = _FRAME.unpack(os.pread(self._file, _FRAME.size, self._end))
            payload = os.pread(self._file, length, self._end + _FRAME.size) if length <= size else b""
            if len(payload) != length or zlib.crc32(payload) != crc or not length:
                break
            self._starts.append(self._end)
            self._end += _FRAME.size + length
        if self._end < size:
            self._keep(size)
            os.ftruncate(self._file, self._end)

    def _keep(self, size: int) -> None:
        """A tail that no reader can read was never acknowledged; a copy of it shows what it was."""
        kept = self._path.with_suffix(f".cut-{self._end}")
        log.warning("%s: cut %d unreadable bytes, kept in %s", self._path, size - self._end, kept.name)
        with contextlib.suppress(OSError):  # no room for the copy: the log itself matters more
            kept.write_bytes(os.pread(self._file, size - self._end, self._end))


def _frame(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _encode(record: NewRecord, timestamp: int) -> bytes:
    parts = [_FIXED.pack(timestamp, len(record.headers)), _sized(record.key)]
    for name, content in record.headers:
        parts += [_sized(name.encode()), _sized(content)]
    parts.append(_sized(record.value))
    return b"".join(parts)


def _sized(content: bytes | None) -> bytes:
    """Length (-1 = null) and bytes."""
    return struct.pack(">i", -1) if content is None else struct.pack(">i", len(content)) + content


def _decode(payload: bytes, topic: str, *, partition: int, offset: int) -> Record:
    timestamp, count = _FIXED.unpack_from(payload)
    at = _FIXED.size

    def take() -> bytes | None:
        nonlocal at
        (length,) = struct.unpack_from(">i", payload, at)
        start, at = at + 4, at + 4 + max(length, 0)
        return None if length < 0 else payload[start:at]

    key = take()
    headers = tuple(((take() or b"").decode(), take() or b"") for _ in range(count))
    return Record(topic, partition, offset, timestamp, key, headers, take())
