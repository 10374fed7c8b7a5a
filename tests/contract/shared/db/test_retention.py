"""Every table has a decision about how long its rows stay, and what follows from it can be carried out."""

import pytest

from shared.db.grants import GRANTS, SWEEPS
from shared.db.retention import RETENTION, Forget, Keep
from shared.db.schema import metadata

RULES = [(table, rule) for table, found in RETENTION.items() if not isinstance(found, Keep) for rule in found]


def test_every_table_has_a_decision():
    assert set(RETENTION) == set(metadata.tables), "decide in shared/db/retention.py how long rows are kept"


def test_what_is_kept_says_why():
    assert all(found.reason for found in RETENTION.values() if isinstance(found, Keep))
    assert all(found for found in RETENTION.values())


@pytest.mark.parametrize(
    ("table", "rule"), RULES, ids=lambda value: value if isinstance(value, str) else value.since
)
def test_a_rule_names_columns_and_the_key_of_its_table(table: str, rule: Forget):
    columns = metadata.tables[table].columns
    assert rule.since in columns
    assert tuple(rule.key.split(", ")) == tuple(metadata.tables[table].primary_key.columns.keys())


@pytest.mark.parametrize("table", sorted({table for table, _ in RULES}))
def test_relay_may_carry_it_out(table):
    assert "delete" in GRANTS["relay"][table]
    assert any(s.role == "relay" and s.table == table and "delete" in s.commands for s in SWEEPS)
