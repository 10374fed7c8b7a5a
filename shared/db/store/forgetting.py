"""Deletes old rows by the rules of `retention`, in batches. Sweep: role `relay`."""

from typing import LiteralString

from shared.db.retention import Forget
from shared.db.transaction import Transaction


def forget(tx: Transaction, table: LiteralString, rule: Forget, *, limit: int) -> int:
    """Delete the oldest rows that are old enough; call again until it returns less than `limit`."""
    statement: LiteralString = f"delete from {table} where ({rule.key}) in ({oldest(table, rule)})"  # noqa: S608 (our own words)
    return tx.execute(statement, (tx.now - rule.age, limit)).rowcount


def oldest(table: LiteralString, rule: Forget) -> LiteralString:
    """The keys to delete; its parameters are the instant before which rows are old, and the limit."""
    return f"""select {rule.key} from {table} where {rule.since} < %s and {rule.where}
      order by {rule.since} limit %s"""  # noqa: S608 (our own words)
