"""Columns are named once a table, and what names them is complete: a column that nobody writes is a fault."""

import ast
import re
from pathlib import Path

import pytest

from shared.db import columns
from shared.db.repositories import audit, deliveries, notifications, reminders, series, tasks, webhooks
from shared.db.schema import metadata
from shared.db.store import failures, idempotency

SOURCES = [p for p in Path(columns.__file__).parent.rglob("*.py") if "migrations" not in p.parts]
STORED = {
    "tasks": tasks.STORED,
    "series": series.STORED,
    "occurrences": series.STORED_OCCURRENCE,
    "reminders": reminders.STORED,
    "webhooks": webhooks.STORED,
    "deliveries": deliveries.STORED,
    "notifications": notifications.STORED,
    "audit_entries": audit.STORED,
    "idempotency": idempotency.STORED,
    "event_failures": failures.FAILURE,
    "skipped_events": failures.SKIPPED,
}


@pytest.mark.parametrize("table", STORED)
def test_every_column_of_the_schema_is_written(table):
    assert len(set(STORED[table])) == len(STORED[table])
    assert set(STORED[table]) == set(metadata.tables[table].columns.keys())


def test_rows_are_inserted_by_what_names_their_columns():
    """By hand only where a statement is no row of values: it has a source of its own, or three columns."""
    by_hand = {
        ("opening.py", "accounts"),  # conditional on a lock
        ("series.py", "occurrences"),  # all that was missed at once
        ("outbox.py", "outbox"),  # all events of a transaction at once
        ("audit.py", "audit_heads"),
        ("inbox.py", "inbox"),
    }
    found = {
        (path.name, table)
        for path in SOURCES
        if path.name != "columns.py"
        for table in re.findall(r"insert into (\w+)", path.read_text())
    }
    assert found <= by_hand, "shared/db/columns.py: insert(table, columns)"


# What else becomes part of a statement. None of it can come from outside: a parameter that its own module
# passes as a literal, or words chosen from a table of ours.
CHOSEN = {
    ("columns.py", "table"), ("columns.py", "columns"), ("columns.py", "parameters"),
    ("forgetting.py", "table"), ("forgetting.py", "rule"), ("forgetting.py", "oldest"),  # retention.py
    ("series.py", "condition"), ("series.py", "locking"), ("tasks.py", "which"),
    ("task_list.py", "keys"), ("task_list.py", "order"), ("task_list.py", "where"),
    ("task_list.py", "_behind"), ("task_list.py", "terms"),
    ("roles.py", "names"), ("roles.py", "sweep"),  # grants.py
    ("roles.py", "table"),  # schema.py
}  # fmt: skip
MAKERS = {"listed", "assigned", "excluded", "insert", "without"}
SQL = re.compile(r"\b(select|insert into|update|delete from|where|order by)\b", re.IGNORECASE)
OURS = re.compile(r"_?[A-Z][A-Z_]*")


def _woven(tree):
    """Names in what f-strings with SQL put in."""
    for text in ast.walk(tree):
        if not isinstance(text, ast.JoinedStr):
            continue
        if SQL.search("".join(v.value for v in text.values if isinstance(v, ast.Constant))):
            fields = [v for v in text.values if isinstance(v, ast.FormattedValue)]
            yield from (n.id for field in fields for n in ast.walk(field) if isinstance(n, ast.Name))


def test_statements_are_put_together_from_our_own_words_only():
    """mypy takes LiteralString for str, so this is what keeps a client's text out of a statement."""
    found = {
        (path.name, name)
        for path in SOURCES
        for name in _woven(ast.parse(path.read_text()))
        if name not in MAKERS and not OURS.fullmatch(name)
    }
    assert found <= CHOSEN, "make it a parameter of the statement"
    assert list(_woven(ast.parse("f\"select 1 where x = '{name}'\""))) == ["name"]  # what it looks for
