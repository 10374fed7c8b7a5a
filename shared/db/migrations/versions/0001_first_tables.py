"""First tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("feed_floor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("timezone", sa.Text(), server_default=sa.text("'UTC'"), nullable=False),
        sa.Column(
            "webhook_events",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("user_id <> ''", name=op.f("ck_accounts_user")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("task_version", sa.Integer(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "seq", name=op.f("pk_audit_entries")),
        sa.UniqueConstraint("user_id", "event_id", name=op.f("uq_audit_entries_user_id_event_id")),
    )
    op.create_index(
        "ix_audit_entries_task", "audit_entries", ["user_id", "task_id", "task_version"], unique=False
    )
    op.create_table(
        "audit_heads",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "deliveries",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("response_status", sa.SmallInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('pending', 'sending', 'sent', 'failed')", name=op.f("ck_deliveries_state")
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "user_id",
            "event_id",
            "channel",
            "recipient",
            name=op.f("uq_deliveries_user_id_event_id_channel_recipient"),
        ),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state in ('pending', 'sending')"),
    )
    op.create_index(
        "ix_deliveries_recipient", "deliveries", ["user_id", "recipient", "created_at"], unique=False
    )
    op.create_table(
        "event_failures",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("ce_source", sa.Text(), nullable=False),
        sa.Column("ce_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column(
            "event",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "ce_source", "ce_id", name=op.f("pk_event_failures")),
    )
    op.create_index("ix_event_failures_failed", "event_failures", ["failed_at"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column(
            "headers",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_created", "idempotency", ["created_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("ce_source", sa.Text(), nullable=False),
        sa.Column("ce_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "ce_source", "ce_id", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_processed", "inbox", ["processed_at"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "data",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("user_id", "event_id", name=op.f("uq_notifications_user_id_event_id")),
    )
    op.create_index(
        "ix_notifications_newest",
        "notifications",
        ["user_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "outbox",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        sa.Column(
            "extensions", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False
        ),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("republished", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("octet_length(data) <= 65536", name=op.f("ck_outbox_size")),
        sa.PrimaryKeyConstraint("user_id", "seq", "n", name=op.f("pk_outbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_id")),
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["user_id", "seq", "n"],
        unique=False,
        postgresql_where=sa.text("published_at is null and dead_at is null"),
    )
    op.create_index(
        "ix_outbox_published",
        "outbox",
        ["published_at"],
        unique=False,
        postgresql_where=sa.text("published_at is not null"),
    )
    op.create_table(
        "series",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("value_type", sa.Text(), nullable=False),
        sa.Column("anchor", sa.DateTime(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column(
            "exdates", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False
        ),
        sa.Column(
            "rdates", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("emitted_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('rrule', 'cron')", name=op.f("ck_series_kind")),
        sa.CheckConstraint("mode in ('catch_up', 'fixed', 'from_completion')", name=op.f("ck_series_mode")),
        sa.CheckConstraint("state in ('active', 'paused', 'ended', 'stopped')", name=op.f("ck_series_state")),
        sa.CheckConstraint("value_type in ('date', 'datetime')", name=op.f("ck_series_value_type")),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_series")),
    )
    op.create_table(
        "skipped_events",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("ce_source", sa.Text(), nullable=False),
        sa.Column("ce_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.Text(), nullable=False),
        sa.Column(
            "event",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "ce_source", "ce_id", name=op.f("pk_skipped_events")),
    )
    op.create_table(
        "webhooks",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "events", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False
        ),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('enabled', 'disabled')", name=op.f("ck_webhooks_state")),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "tasks",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column(
            "tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False
        ),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("due_kind", sa.Text(), nullable=True),
        sa.Column("due_wall", sa.DateTime(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_sort", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "reminders",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("reminder_sent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=True),
        sa.Column("occurrence_key", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_change", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "due_kind in ('date', 'floating', 'zoned', 'instant')", name=op.f("ck_tasks_due_kind")
        ),
        sa.CheckConstraint("status in ('open', 'done', 'skipped')", name=op.f("ck_tasks_status")),
        sa.CheckConstraint("(due_kind is null) = (due_wall is null)", name=op.f("ck_tasks_due")),
        sa.CheckConstraint(
            "(series_id is null) = (occurrence_key is null)", name=op.f("ck_tasks_occurrence")
        ),
        sa.CheckConstraint("priority between 1 and 4", name=op.f("ck_tasks_priority")),
        sa.ForeignKeyConstraint(
            ["user_id", "series_id"], ["series.user_id", "series.id"], name=op.f("fk_tasks_series")
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_tasks")),
    )
    op.create_index(
        "ix_tasks_created",
        "tasks",
        ["user_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index("ix_tasks_due", "tasks", ["user_id", "due_sort", "id"], unique=False)
    op.create_index("ix_tasks_feed", "tasks", ["user_id", "change_seq"], unique=False)
    op.create_index("ix_tasks_priority_due", "tasks", ["user_id", "priority", "due_sort", "id"], unique=False)
    op.create_index(
        "ix_tasks_series",
        "tasks",
        ["user_id", "series_id"],
        unique=False,
        postgresql_where=sa.text("series_id is not null"),
    )
    op.create_index("ix_tasks_status_due", "tasks", ["user_id", "status", "due_sort", "id"], unique=False)
    op.create_table(
        "occurrences",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("after_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(outcome = 'missed') = (task_id is null)", name=op.f("ck_occurrences_task")),
        sa.CheckConstraint(
            "outcome in ('open', 'done', 'skipped', 'missed')", name=op.f("ck_occurrences_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "series_id"],
            ["series.user_id", "series.id"],
            name=op.f("fk_occurrences_series"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "task_id"], ["tasks.user_id", "tasks.id"], name=op.f("fk_occurrences_tasks")
        ),
        sa.PrimaryKeyConstraint("user_id", "series_id", "key", name=op.f("pk_occurrences")),
    )
    op.create_index(
        "uq_occurrences_open",
        "occurrences",
        ["user_id", "series_id"],
        unique=True,
        postgresql_where=sa.text("outcome = 'open'"),
    )
    op.create_table(
        "reminders",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("occurrence_key", sa.Text(), nullable=True),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "channels", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('scheduled', 'sent', 'cancelled', 'passed')", name=op.f("ck_reminders_state")
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "task_id"],
            ["tasks.user_id", "tasks.id"],
            name=op.f("fk_reminders_tasks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_reminders")),
        sa.UniqueConstraint(
            "user_id",
            "task_id",
            "occurrence_key",
            "remind_at",
            name="uq_reminders_instant",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_reminders_due",
        "reminders",
        ["remind_at"],
        unique=False,
        postgresql_where=sa.text("state = 'scheduled'"),
    )


def downgrade() -> None:
    op.drop_index("ix_reminders_due", table_name="reminders", postgresql_where=sa.text("state = 'scheduled'"))
    op.drop_table("reminders")
    op.drop_index(
        "uq_occurrences_open", table_name="occurrences", postgresql_where=sa.text("outcome = 'open'")
    )
    op.drop_table("occurrences")
    op.drop_index("ix_tasks_status_due", table_name="tasks")
    op.drop_index("ix_tasks_series", table_name="tasks", postgresql_where=sa.text("series_id is not null"))
    op.drop_index("ix_tasks_priority_due", table_name="tasks")
    op.drop_index("ix_tasks_feed", table_name="tasks")
    op.drop_index("ix_tasks_due", table_name="tasks")
    op.drop_index("ix_tasks_created", table_name="tasks")
    op.drop_table("tasks")
    op.drop_table("webhooks")
    op.drop_table("skipped_events")
    op.drop_table("series")
    op.drop_index(
        "ix_outbox_published", table_name="outbox", postgresql_where=sa.text("published_at is not null")
    )
    op.drop_index(
        "ix_outbox_pending",
        table_name="outbox",
        postgresql_where=sa.text("published_at is null and dead_at is null"),
    )
    op.drop_table("outbox")
    op.drop_index("ix_notifications_newest", table_name="notifications")
    op.drop_table("notifications")
    op.drop_index("ix_inbox_processed", table_name="inbox")
    op.drop_table("inbox")
    op.drop_index("ix_idempotency_created", table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index("ix_event_failures_failed", table_name="event_failures")
    op.drop_table("event_failures")
    op.drop_index("ix_deliveries_recipient", table_name="deliveries")
    op.drop_index(
        "ix_deliveries_due",
        table_name="deliveries",
        postgresql_where=sa.text("state in ('pending', 'sending')"),
    )
    op.drop_table("deliveries")
    op.drop_table("audit_heads")
    op.drop_index("ix_audit_entries_task", table_name="audit_entries")
    op.drop_table("audit_entries")
    op.drop_table("accounts")
