"""Converts PostgreSQL's `infinity` to the Python instant FAR_FUTURE and back. Registered by `pool`."""

from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.types.datetime import DatetimeDumper, TimestamptzLoader

FAR_FUTURE = datetime.max.replace(tzinfo=UTC)  # tasks.due_sort of a task without a due


class _Loader(TimestamptzLoader):
    def load(self, data: Buffer) -> datetime:
        return FAR_FUTURE if bytes(data) == b"infinity" else super().load(data)


class _Dumper(DatetimeDumper):
    def dump(self, obj: Any) -> Buffer | None:
        return b"infinity" if obj == FAR_FUTURE else super().dump(obj)

    def upgrade(self, obj: Any, format: Any) -> Any:  # noqa: A002 (psycopg's name)
        return super().upgrade(obj, format) if obj.tzinfo is None else self


def register(connection: "psycopg.Connection[Any]") -> None:
    """Register the conversion for one connection only."""
    connection.adapters.register_loader("timestamptz", _Loader)
    connection.adapters.register_dumper(datetime, _Dumper)
