"""A table's columns, named once: SELECT, INSERT and UPDATE are made from them. Used by every repository.

Statements are put together from names that stand in our source (LiteralString); whatever comes from outside
is a parameter, and a parameter is named like its column.
"""

from typing import LiteralString

Columns = tuple[LiteralString, ...]


def listed(columns: Columns, *, of: LiteralString = "") -> LiteralString:
    """The columns, of a table or of its alias.

    >>> listed(("id", "title"), of="t")
    't.id, t.title'
    """
    return ", ".join([f"{of}.{column}" if of else column for column in columns])


def assigned(columns: Columns) -> LiteralString:
    """What UPDATE sets.

    >>> assigned(("title", "version"))
    'title = %(title)s, version = %(version)s'
    """
    return ", ".join([f"{column} = %({column})s" for column in columns])


def excluded(columns: Columns) -> LiteralString:
    """What ON CONFLICT DO UPDATE sets.

    >>> excluded(("title",))
    'title = excluded.title'
    """
    return ", ".join([f"{column} = excluded.{column}" for column in columns])


def insert(table: LiteralString, columns: Columns) -> LiteralString:
    """INSERT of one row.

    >>> insert("tags", ("user_id", "name"))
    'insert into tags (user_id, name) values (%(user_id)s, %(name)s)'
    """
    parameters = ", ".join([f"%({column})s" for column in columns])
    return f"insert into {table} ({listed(columns)}) values ({parameters})"  # noqa: S608  # our own names


def without(columns: Columns, *dropped: LiteralString) -> Columns:
    """The columns but these.

    >>> without(("id", "title"), "id")
    ('title',)
    """
    return tuple(column for column in columns if column not in dropped)
