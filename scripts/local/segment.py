"""One partition as a file of frames (frames.py). log.py writes it from its writer thread only.

A record is acknowledged after it was synchronised to disk. A crash during a write leaves an incomplete end,
which is cut off at the next start and copied to a file beside it. A damaged record in the middle keeps its
offset, so that the records after it keep theirs.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from scripts.local.disk import synchronise, write_all
from scripts.local.frames import FRAME, HEADER, DamagedHeader, base_of, frame, header, intact, record_of
from scripts.local.topics import NewRecord, Record, TopicsUnavailable

log = logging.getLogger(__name__)
_CHUNK = 1 << 20


class Segment:
    """Appends and random reads of one partition; offsets count without gaps, from 0 or what was forgotten."""

    def __init__(self, path: Path, topic: str, *, partition: int) -> None:
        self._topic, self._partition = topic, partition
        self._path, self._draft = path, path.with_suffix(".new")
        # Readers are on the event loop: file, base and bounds must change together for them.
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._draft.unlink(missing_ok=True)  # of a crash while it was written
        try:
            self._base, first = base_of(os.pread(self._file, HEADER.size, 0))
        except DamagedHeader:
            os.close(self._file)
            raise TopicsUnavailable(f"{path}: its header is damaged, the offsets are unknown") from None
        self._bounds = [first]  # record n is between bound n and bound n + 1
        self._shown = 0
        self._leftover = False
        self._recover(os.fstat(self._file).st_size)

    def __len__(self) -> int:
        return self._shown

    @property
    def start(self) -> int:
        """The offset of the oldest record."""
        return self._base

    @property
    def end(self) -> int:
        """The offset after the newest record."""
        with self._lock:
            return self._base + self._shown

    @property
    def size(self) -> int:
        """Bytes of the file that count."""
        return self._bounds[-1]

    def append(self, records: Sequence[NewRecord], timestamp: int) -> int:
        """Writes and synchronises; returns the first offset. On error nothing of it stays."""
        first = self.stage(records, timestamp)
        self.show()
        return first

    def stage(self, records: Sequence[NewRecord], timestamp: int) -> int:
        """As `append`, but nobody can read the records before `show`, so `truncate` may undo them."""
        if self._leftover:
            self._cut()
        first = self._base + len(self._bounds) - 1
        frames = [frame(record, timestamp) for record in records]
        try:
            write_all(self._file, b"".join(frames), self.size)
            os.fdatasync(self._file)
        except OSError:
            self._try_cut()
            raise
        for content in frames:
            self._bounds.append(self.size + len(content))
        return first

    def show(self) -> None:
        with self._lock:
            self._shown = len(self._bounds) - 1

    def truncate(self, offset: int) -> None:
        """Removes every record from `offset` on: the batch of a request that failed."""
        kept = offset - self._base
        if kept < len(self._bounds) - 1:
            with self._lock:
                del self._bounds[kept + 1 :]
                self._shown = min(self._shown, kept)
            self._try_cut()

    def read(self, offset: int) -> Record:
        """The record at `offset` or, if that is forgotten, the oldest one."""
        (record,) = self.slice(offset, limit=1)
        return record

    def slice(self, offset: int, *, limit: int) -> list[Record]:
        """Up to `limit` records from `offset` or, if that is forgotten, from the oldest one on."""
        with self._lock:
            first = max(offset - self._base, 0)
            return [self._record(n) for n in range(first, min(first + limit, self._shown))]

    def forget(self, passed: int, *, before: int) -> None:
        """Drops the oldest records: those below the offset `passed` and older than `before`.

        The others are copied to a new file that replaces the old one; after a crash one of the two is there.
        """
        base = self._first_kept(min(passed, self.end), before)
        if base == self._base:
            return
        begin = self._bounds[base - self._base]
        copy = os.open(self._draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self._copy(copy, header(base), begin)
            self._draft.replace(self._path)
        except OSError:
            os.close(copy)
            self._draft.unlink(missing_ok=True)
            raise
        self._swap(copy, base, begin)
        synchronise(self._path.parent)

    def close(self) -> None:
        if self._leftover:
            self._try_cut()
        os.close(self._file)

    def _record(self, n: int) -> Record:
        content = self._content(self._bounds[n], self._bounds[n + 1])
        return record_of(content, self._topic, partition=self._partition, offset=self._base + n)

    def _content(self, start: int, stop: int) -> bytes:
        return os.pread(self._file, stop - start, start)

    def _first_kept(self, passed: int, before: int) -> int:
        """The first record to keep. The age of a damaged record is unknown: it is dropped with the next
        old one.
        """
        kept = self._base
        for offset in range(self._base, passed):
            record = self.read(offset)
            if record.damaged:
                continue
            if record.timestamp >= before:
                break
            kept = offset + 1
        return kept

    def _copy(self, target: int, beginning: bytes, start: int) -> None:
        write_all(target, beginning, 0)
        for at in range(start, self.size, _CHUNK):
            chunk = self._content(at, min(at + _CHUNK, self.size))
            write_all(target, chunk, at - start + len(beginning))
        os.fsync(target)

    def _swap(self, file: int, base: int, begin: int) -> None:
        moved = HEADER.size - begin
        with self._lock:
            old, self._file = self._file, file
            gone, self._base = base - self._base, base
            self._bounds = [bound + moved for bound in self._bounds[gone:]]
            self._shown -= gone
            self._leftover = False
        os.close(old)  # no reader has it: they read while they hold the lock

    def _try_cut(self) -> None:
        with contextlib.suppress(OSError):  # tried again before the next append and when closing
            self._cut()

    def _cut(self) -> None:
        """Cut the file at the end: a complete frame behind it would be a record after the next start."""
        self._leftover = True
        try:
            os.ftruncate(self._file, self.size)
        except OSError:
            write_all(self._file, bytes(os.fstat(self._file).st_size - self.size), self.size)
        os.fdatasync(self._file)
        self._leftover = False

    def _recover(self, size: int) -> None:
        """Find the last complete frame by the lengths; everything behind it is an incomplete write."""
        found = [self.size]
        damaged: list[int] = []
        while stop := self._next_bound(found[-1], size):
            found.append(stop)
            if not intact(self._content(found[-2], stop)):
                damaged.append(len(found) - 2)
                continue
            for n in damaged:
                log.warning("%s: record %d is damaged, readers skip it", self._path, self._base + n)
            damaged = []
            self._bounds = found[:]
        self.show()
        if self.size < size:
            self._keep(size)
            self._try_cut()

    def _next_bound(self, start: int, size: int) -> int | None:
        """Where the frame at `start` ends, None if there is no whole one."""
        beginning = self._content(start, start + FRAME.size)
        length = FRAME.unpack(beginning)[0] if len(beginning) == FRAME.size else 0
        stop = start + FRAME.size + int(length)
        return stop if length and stop <= size else None

    def _keep(self, size: int) -> None:
        """Copy the bytes that are cut off: an incomplete write, or records behind a damaged length."""
        tail = self._content(self.size, size)
        if not tail.strip(b"\0"):  # an undone batch that was written over
            return
        kept = self._path.with_suffix(f".cut-{self.size}")
        log.warning("%s: cut %d unreadable bytes, kept in %s", self._path, len(tail), kept.name)
        with contextlib.suppress(OSError):  # no room for the copy: start without it
            kept.write_bytes(tail)
