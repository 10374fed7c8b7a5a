"""replays of dead letters, indexes of retention, foreign keys and claims."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# name, table, columns, condition
INDEXES: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("ix_tasks_trash", "tasks", ["deleted_at", "id"], "deleted_at is not null"),
    ("ix_occurrences_task", "occurrences", ["user_id", "task_id"], "task_id is not null"),
    ("ix_reminders_claim", "reminders", ["user_id", "remind_at", "id"], "state = 'scheduled'"),
    ("ix_reminders_over", "reminders", ["updated_at"], "state <> 'scheduled'"),
    ("ix_outbox_dead", "outbox", ["dead_at"], "dead_at is not null"),
    ("ix_skipped_events_skipped", "skipped_events", ["skipped_at"], None),
    ("ix_event_failures_replay", "event_failures", ["next_replay_at"], "next_replay_at is not null"),
    ("ix_deliveries_claim", "deliveries", ["user_id", "next_attempt_at"], "state in ('pending', 'sending')"),
    ("ix_deliveries_over", "deliveries", ["updated_at"], "state in ('sent', 'failed')"),
    ("ix_notifications_created", "notifications", ["created_at"], None),
)


def upgrade() -> None:
    op.add_column("event_failures", sa.Column("error_class", sa.Text(), nullable=True))
    op.add_column("event_failures", sa.Column("next_replay_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "event_failures", sa.Column("replays", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("event_failures", sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True))
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)
    op.drop_index("ix_reminders_due", table_name="reminders")
    op.create_index(
        "ix_reminders_due", "reminders", ["remind_at", "id"], postgresql_where=sa.text("state = 'scheduled'")
    )
    op.drop_constraint(op.f("ck_occurrences_task"), "occurrences", type_="check")
    op.create_check_constraint(
        op.f("ck_occurrences_task"),
        "occurrences",
        "outcome in ('done', 'skipped') or (outcome = 'missed') = (task_id is null)",
    )


def downgrade() -> None:
    # What was purged meanwhile has no task any more, which the older rule does not know.
    op.execute("alter table occurrences no force row level security")
    op.execute("update occurrences set outcome = 'missed' where task_id is null")
    op.execute("alter table occurrences force row level security")
    op.drop_constraint(op.f("ck_occurrences_task"), "occurrences", type_="check")
    op.create_check_constraint(
        op.f("ck_occurrences_task"), "occurrences", "(outcome = 'missed') = (task_id is null)"
    )
    op.drop_index("ix_reminders_due", table_name="reminders")
    op.create_index(
        "ix_reminders_due", "reminders", ["remind_at"], postgresql_where=sa.text("state = 'scheduled'")
    )
    for name, table, _columns, _where in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    for column in ("resolved_at", "replays", "next_replay_at", "error_class"):
        op.drop_column("event_failures", column)
