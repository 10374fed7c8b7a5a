"""The bytes of a partition's file. segment.py reads and writes them.

A file whose oldest records were dropped begins with a header; without it the first offset is 0. Then come
frames: length of the payload, CRC-32 of the payload, payload. Nothing here reads or writes files.
"""

import struct
import zlib

from scripts.local.topics import NewRecord, Record

FRAME = struct.Struct(">II")
HEADER = struct.Struct(">8sQI")
# As the length of a first frame this would be 4 GB: a file that begins so has a header.
_MAGIC = b"\xff\xfftopic1"
_FIXED = struct.Struct(">Qi")


class DamagedHeader(Exception):
    """The file begins with a header that is not as it was written."""


def header(base: int) -> bytes:
    """The header of a file whose first record has the offset `base`."""
    return HEADER.pack(_MAGIC, base, _header_crc(base))


def base_of(beginning: bytes) -> tuple[int, int]:
    """The offset of the first record, and where it begins in the file."""
    if not beginning.startswith(_MAGIC):
        return 0, 0
    if len(beginning) < HEADER.size:
        raise DamagedHeader
    _, base, crc = HEADER.unpack_from(beginning)
    if crc != _header_crc(base):
        raise DamagedHeader
    return int(base), HEADER.size


def frame(record: NewRecord, timestamp: int) -> bytes:
    payload = _encode(record, timestamp)
    return FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def intact(content: bytes) -> bool:
    """Whether these bytes are one complete, undamaged frame."""
    if len(content) <= FRAME.size:
        return False
    length, crc = FRAME.unpack_from(content)
    return bool(length == len(content) - FRAME.size and crc == zlib.crc32(content[FRAME.size :]))


def record_of(content: bytes, topic: str, *, partition: int, offset: int) -> Record:
    """The record of a frame; a damaged frame gives a record without content that is marked so."""
    if not intact(content):
        return Record(topic, partition, offset, 0, None, (), None, damaged=True)
    return _decode(content[FRAME.size :], topic, partition=partition, offset=offset)


def _header_crc(base: int) -> int:
    return zlib.crc32(_MAGIC + base.to_bytes(8, "big"))


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
