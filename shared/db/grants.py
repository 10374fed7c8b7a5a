"""What each role may do with each table. The migrations, docs/roles.md and the test of the database's
catalogue are made from it. The values are written as in SQL's GRANT; a role has no access to tables not
listed for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

APP_ROLES = ("api", "consumer", "ticker", "relay")

_DRAIN = "update (published_at, dead_at, next_attempt_at, attempts, last_error)"

GRANTS: Mapping[str, Mapping[str, str]] = {
    # functions: tasks, updates
    "api": {
        "accounts": "select, insert, update",
        "series": "select, insert, update, delete",
        "tasks": "select, insert, update, delete",
        "occurrences": "select, insert, update, delete",
        "reminders": "select, insert, update, delete",
        "outbox": f"select, insert, {_DRAIN}",
        "idempotency": "select, insert, update",
        "audit_heads": "select",
        "audit_entries": "select",
        "webhooks": "select, insert, update, delete",
        "deliveries": "select, update",
        "notifications": "select, update (read_at)",
    },
    # functions: recurrence, notifications, audit
    "consumer": {
        "accounts": "select, insert, update",
        "series": "select, update",
        "tasks": "select, insert, update, delete",
        "occurrences": "select, insert, update, delete",
        "reminders": "select, insert, update, delete",
        "outbox": f"select, insert, {_DRAIN}",
        "inbox": "select, insert",
        "skipped_events": "insert",
        "event_failures": "insert",
        "audit_heads": "select, insert, update",
        "audit_entries": "select, insert",
        "webhooks": "select, update",
        "deliveries": "select, insert, update",
        "notifications": "select, insert",
    },
    # function: reminders
    "ticker": {
        "accounts": "select, insert, update (change_seq, tzdata)",
        "tasks": "select, update (reminder_sent, version, change_seq, last_change, updated_at)",
        "reminders": "select, update (state, updated_at)",
        "outbox": f"select, insert, {_DRAIN}",
    },
    # function: relay
    "relay": {
        "outbox": "select, insert, delete, update (published_at, dead_at, next_attempt_at, attempts,"
        " last_error, republished)",
        "inbox": "select, delete",
        "skipped_events": "select, delete",
        "event_failures": "select, insert, update, delete",
        "idempotency": "select (user_id, key, created_at), delete",
        # `relay` derives the instants again when the rules of time zones change.
        "accounts": "select, insert, update (change_seq, feed_floor, tzdata, next_digest_at)",
        "tasks": "select (user_id, id, title, status, due_kind, due_wall, timezone, due_at, due_sort,"
        " reminders, reminder_sent, series_id, occurrence_key, version, change_seq, created_at, updated_at,"
        " deleted_at), delete, update (due_at, due_sort, reminder_sent, version, change_seq, last_change)",
        "reminders": "select, insert, delete, update (state, channels, updated_at)",
        # `relay` purges tasks from the trash, and ends the series of an open occurrence among them.
        "series": "select (user_id, id, state, version), delete,"
        " update (state, state_reason, version, change_seq, updated_at)",
        "occurrences": "select (user_id, series_id, key, outcome, task_id), delete, update (task_id)",
        "deliveries": "select (user_id, id, state, updated_at), delete",
        "notifications": "select (user_id, id, created_at), delete",
    },
}

# The transaction's user; null outside `write`, `record` and `read`. The sub-select makes it one evaluation
# per statement. After a commit the setting is '' instead of null.
_ME = "(select nullif(current_setting('app.user_id', true), ''))"
OWN_ROWS = f"user_id = {_ME}"
NO_USER = f"{_ME} is null"

# Who takes dumps: `owner` sees every row in a transaction without a user, and changes none that way. It owns
# the tables, so this opens nothing that it could not open itself; managed PostgreSQL gives no BYPASSRLS.
DUMPS = "dumps"


@dataclass(frozen=True)
class Sweep:
    """`role` may do `commands` to every user's rows where `where` holds, in a transaction without a user.

    In a transaction with a user it sees the rows of that user only, like every other role.
    """

    role: str
    table: str
    commands: tuple[str, ...]
    where: str = "true"


SWEEPS: tuple[Sweep, ...] = (
    Sweep("ticker", "reminders", ("select",)),
    # The tick of `notifications` looks for due deliveries only.
    Sweep("consumer", "deliveries", ("select",), "state in ('pending', 'sending')"),
    Sweep("consumer", "accounts", ("select",), "next_digest_at is not null"),
    # An event without a user can fail, too; only `relay` reads such rows.
    Sweep("consumer", "event_failures", ("insert",), "user_id = ''"),
    Sweep("relay", "accounts", ("select",)),
    Sweep("relay", "outbox", ("select", "update", "delete")),
    Sweep("relay", "inbox", ("select", "delete")),
    Sweep("relay", "skipped_events", ("select", "delete")),
    Sweep("relay", "event_failures", ("select", "insert", "update", "delete")),
    Sweep("relay", "idempotency", ("select", "delete")),
    Sweep("relay", "tasks", ("select",), "deleted_at is not null"),
    Sweep("relay", "reminders", ("select", "delete"), "state <> 'scheduled'"),
    Sweep("relay", "deliveries", ("select", "delete"), "state in ('sent', 'failed')"),
    Sweep("relay", "notifications", ("select", "delete")),
)
