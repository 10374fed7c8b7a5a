"""Columns are named once a table, and what names them is complete: a column that nobody writes is a fault."""

import doctest

import pytest

from shared.db import columns
from shared.db.repositories import audit, deliveries, notifications, series, tasks, webhooks
from shared.db.schema import metadata

STORED = {
    "tasks": tasks.STORED,
    "series": series.STORED,
    "occurrences": series.STORED_OCCURRENCE,
    "webhooks": webhooks.STORED,
    "deliveries": deliveries.STORED,
    "notifications": notifications.STORED,
    "audit_entries": audit.STORED,
}


@pytest.mark.parametrize("table", STORED)
def test_every_column_of_the_schema_is_written(table):
    assert len(set(STORED[table])) == len(STORED[table])
    assert set(STORED[table]) == set(metadata.tables[table].columns.keys())


def test_the_examples_hold():
    assert doctest.testmod(columns).failed == 0
