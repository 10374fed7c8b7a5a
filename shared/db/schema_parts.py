"""The kinds of columns and indexes that `schema.py` is made of."""

from sqlalchemy import Column, DateTime, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB


def instant(name: str, *, nullable: bool = False) -> Column[object]:
    """A point in time (timestamptz, UTC), written by the code from `tx.now`."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def stamps() -> tuple[Column[object], ...]:
    """When the row was made and last changed."""
    return instant("created_at"), instant("updated_at")


def user() -> Column[str]:
    """The owner of the row, the first column of every key."""
    return Column("user_id", Text, nullable=False)


def json(name: str, empty: str) -> Column[object]:
    """A JSON column; `empty` is the JSON text of its default."""
    return Column(name, JSONB, nullable=False, server_default=text(f"'{empty}'::jsonb"))


def texts(name: str, *, nullable: bool = False) -> Column[object]:
    """An array of texts, empty by default."""
    default = None if nullable else text("'{}'::text[]")
    return Column(name, ARRAY(Text), nullable=nullable, server_default=default)


def handled() -> tuple[Column[str], ...]:
    """An event at a consumer; source and id identify an event (CloudEvents 1.0.2 §3.1)."""
    return tuple(Column(name, Text, nullable=False) for name in ("consumer", "ce_source", "ce_id"))


def some(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of some of the rows."""
    return Index(name, *columns, unique=unique, postgresql_where=text(where))


def count(name: str, start: int = 0) -> Column[int]:
    """A whole number that counts from `start`."""
    return Column(name, Integer, nullable=False, server_default=text(str(start)))
