"""The tables, described with SQLAlchemy Core. Migrations, drift checks and grants are compared with this.

Nothing here runs on a request path (statements are psycopg, in `repositories/`). There are no time
defaults: every instant is written by the code from `tx.now`. Keys of users' rows start with `user_id`,
so that a foreign key cannot tell one user that another user's row exists.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.db.schema_parts import count, handled, instant, json, some, stamps, texts, user

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# One row a user. Every write of a user increments change_seq first; by the lock of this row the commits, the
# outbox and the change feed of the user have the same order.
accounts = Table(
    "accounts",
    metadata,
    user(),
    Column("change_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("feed_floor", BigInteger, nullable=False, server_default=text("0")),  # older tokens: 410
    Column("timezone", Text, nullable=False, server_default=text("'UTC'")),
    texts("webhook_events"),  # union of the patterns of the enabled endpoints
    json("settings", "{}"),
    Column("tzdata", Text),  # the tzdata version that the user's instants were derived with
    instant("next_digest_at", nullable=True),  # null: no daily digest
    instant("created_at"),
    PrimaryKeyConstraint("user_id"),
    CheckConstraint("user_id <> ''", name="user"),
    some("ix_accounts_digest", "next_digest_at", "user_id", where="next_digest_at is not null"),
    Index("ix_accounts_tzdata", "tzdata"),
)

series = Table(
    "series",
    metadata,
    user(),
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rule", Text, nullable=False),  # canonical RRULE or cron text
    Column("mode", Text, nullable=False),
    Column("value_type", Text, nullable=False),
    Column("anchor", DateTime(timezone=False), nullable=False),  # wall time
    Column("timezone", Text),  # null: floating or all-day
    texts("exdates"),
    texts("rdates"),
    Column("state", Text, nullable=False),
    Column("state_reason", Text),
    count("emitted_count", 1),
    Column("successor_id", Uuid),  # the series that continues this one after a split
    Column("ends_before", Text),  # the key at which the successor took over: cron has no UNTIL
    json("template", "{}"),  # fields in which the first task of a successor differs from the one before it
    count("version", 1),
    Column("change_seq", BigInteger, nullable=False),
    *stamps(),
    PrimaryKeyConstraint("user_id", "id"),
    CheckConstraint("kind in ('rrule', 'cron')", name="kind"),
    CheckConstraint("mode in ('catch_up', 'fixed', 'from_completion')", name="mode"),
    CheckConstraint("value_type in ('date', 'datetime')", name="value_type"),
    CheckConstraint("state in ('active', 'paused', 'ended', 'stopped')", name="state"),
)

tasks = Table(
    "tasks",
    metadata,
    user(),
    Column("id", Uuid, nullable=False),
    Column("title", Text, nullable=False),
    # What is compared and sorted by (`domain.text.fold`), whatever the locale of the database.
    Column("title_folded", Text(collation="C"), nullable=False, server_default=text("''")),
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("status", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),  # 1 highest … 4
    texts("tags"),
    texts(
        "tags_folded"
    ),  # no index: under row-level security only leakproof operators use one, && and @> are none
    Column("project_id", Uuid),
    Column("parent_id", Uuid),
    Column("position", Text, nullable=False),
    # The due as the user wrote it (kind, wall time, zone) and the instants that follow from it.
    Column("due_kind", Text),
    Column("due_wall", DateTime(timezone=False)),
    Column("timezone", Text),
    instant("due_at", nullable=True),  # null for all-day
    instant("due_sort"),  # start of the local day for all-day, infinity for none
    json("reminders", "[]"),  # the offsets the user asked for; `reminders` holds the instants
    Column("reminder_sent", Boolean, nullable=False, server_default=text("false")),
    Column("series_id", Uuid),
    Column("occurrence_key", Text),
    count("version", 1),
    Column("change_seq", BigInteger, nullable=False),
    Column("last_change", Text, nullable=False),  # the feed's event name: created, updated, …
    *stamps(),
    instant("completed_at", nullable=True),
    instant("deleted_at", nullable=True),
    Column("written", JSONB),  # digests of the fields as `recurrence` made them: shared/domain/written.py
    PrimaryKeyConstraint("user_id", "id"),
    ForeignKeyConstraint(["user_id", "series_id"], ["series.user_id", "series.id"]),
    CheckConstraint("status in ('open', 'done', 'skipped')", name="status"),
    CheckConstraint("priority between 1 and 4", name="priority"),
    CheckConstraint("due_kind in ('date', 'floating', 'zoned', 'instant')", name="due_kind"),
    CheckConstraint("(due_kind is null) = (due_wall is null)", name="due"),
    CheckConstraint("(series_id is null) = (occurrence_key is null)", name="occurrence"),
    Index("ix_tasks_created", "user_id", text("created_at desc"), text("id desc")),
    Index("ix_tasks_due", "user_id", "due_sort", "id"),
    Index("ix_tasks_status_due", "user_id", "status", "due_sort", "id"),
    Index("ix_tasks_priority_due", "user_id", "priority", "due_sort", "id"),
    Index("ix_tasks_feed", "user_id", "change_seq"),
    some("ix_tasks_series", "user_id", "series_id", where="series_id is not null"),
    some("ix_tasks_parent", "user_id", "parent_id", where="parent_id is not null"),
    some("ix_tasks_trash", "deleted_at", "id", where="deleted_at is not null"),
)

occurrences = Table(
    "occurrences",
    metadata,
    user(),
    Column("series_id", Uuid, nullable=False),
    Column("key", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("task_id", Uuid),
    Column("ordinal", Integer, nullable=False),  # 1, 2, 3 … within the series: the order of the record
    Column("after_key", Text),  # the occurrence whose end brought this one; null for the first
    count("emitted_count"),  # series.emitted_count while this one was open: undo returns to it
    # The skip also dropped the missed ones before its time; the expansion reads it here, whichever event it
    # has.
    Column("skip_missed", Boolean, nullable=False, server_default=text("false")),
    instant("created_at"),
    PrimaryKeyConstraint("user_id", "series_id", "key"),
    ForeignKeyConstraint(["user_id", "series_id"], ["series.user_id", "series.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["user_id", "task_id"], ["tasks.user_id", "tasks.id"]),
    CheckConstraint("outcome in ('open', 'done', 'skipped', 'missed')", name="outcome"),
    # When the task is purged from the trash, an ended occurrence stays in the record of its series.
    CheckConstraint(
        "outcome in ('done', 'skipped') or (outcome = 'missed') = (task_id is null)", name="task"
    ),
    some("ix_occurrences_task", "user_id", "task_id", where="task_id is not null"),
    # Two concurrent expansions of one series: the second insert violates this and is rolled back.
    some("uq_occurrences_open", "user_id", "series_id", where="outcome = 'open'", unique=True),
)

reminders = Table(
    "reminders",
    metadata,
    user(),
    Column("id", Uuid, nullable=False),
    Column("task_id", Uuid, nullable=False),
    Column("occurrence_key", Text),
    instant("remind_at"),
    texts("channels"),
    Column("state", Text, nullable=False),
    *stamps(),
    PrimaryKeyConstraint("user_id", "id"),
    ForeignKeyConstraint(["user_id", "task_id"], ["tasks.user_id", "tasks.id"], ondelete="CASCADE"),
    UniqueConstraint(
        "user_id",
        "task_id",
        "occurrence_key",
        "remind_at",
        name="uq_reminders_instant",
        postgresql_nulls_not_distinct=True,
    ),
    CheckConstraint("state in ('scheduled', 'sent', 'cancelled', 'passed')", name="state"),
    some("ix_reminders_due", "remind_at", "id", where="state = 'scheduled'"),
    some("ix_reminders_claim", "user_id", "remind_at", "id", where="state = 'scheduled'"),
    some("ix_reminders_over", "updated_at", where="state <> 'scheduled'"),
)

outbox = Table(
    "outbox",
    metadata,
    user(),
    Column("seq", BigInteger, nullable=False),  # accounts.change_seq of the transaction
    Column("n", SmallInteger, nullable=False),  # position within the transaction
    Column("event_id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text),
    Column("schema_version", SmallInteger, nullable=False),
    texts("extensions"),  # names of the extension attributes whose value is "true"
    Column("traceparent", Text),
    Column("data", Text, nullable=False),  # the exact JSON bytes to publish
    instant("occurred_at"),
    instant("published_at", nullable=True),
    instant("dead_at", nullable=True),
    instant("next_attempt_at", nullable=True),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("republished", SmallInteger, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    PrimaryKeyConstraint("user_id", "seq", "n"),
    UniqueConstraint("event_id"),
    CheckConstraint("octet_length(data) <= 65536", name="size"),
    some("ix_outbox_pending", "user_id", "seq", "n", where="published_at is null and dead_at is null"),
    some("ix_outbox_published", "published_at", where="published_at is not null"),
    some("ix_outbox_dead", "dead_at", where="dead_at is not null"),
)

inbox = Table(
    "inbox",
    metadata,
    *handled(),
    user(),
    instant("processed_at"),
    PrimaryKeyConstraint("consumer", "ce_source", "ce_id"),
    Index("ix_inbox_processed", "processed_at"),
)

skipped_events = Table(
    "skipped_events",
    metadata,
    *handled(),
    user(),
    Column("type", Text, nullable=False),
    Column("schema_version", Text, nullable=False),
    json("event", "{}"),
    instant("skipped_at"),
    PrimaryKeyConstraint("consumer", "ce_source", "ce_id"),
    Index("ix_skipped_events_skipped", "skipped_at"),
)

# Verdicts that will not be retried: a consumer's own 4xx (by the adapter) and what reached a
# dead-letter topic (by `relay`).
event_failures = Table(
    "event_failures",
    metadata,
    *handled(),
    user(),  # "" where the event names no user: only `relay` sees those
    Column("type", Text, nullable=False),
    Column("topic", Text),
    Column("status", SmallInteger),
    Column("code", Text),
    Column("detail", Text),
    json("event", "{}"),
    instant("failed_at"),
    Column("error_class", Text),  # transient, permanent or bug; null: unknown
    # When `relay` publishes the event again; null: never, or the consumer has answered already.
    instant("next_replay_at", nullable=True),
    count("replays"),
    instant("resolved_at", nullable=True),  # a replay succeeded
    PrimaryKeyConstraint("consumer", "ce_source", "ce_id"),
    Index("ix_event_failures_failed", "failed_at"),
    some("ix_event_failures_replay", "next_replay_at", where="next_replay_at is not null"),
)

idempotency = Table(
    "idempotency",
    metadata,
    user(),
    Column("key", Text, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    json("headers", "{}"),
    Column("body", Text, nullable=False),
    instant("created_at"),
    PrimaryKeyConstraint("user_id", "key"),
    Index("ix_idempotency_created", "created_at"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    user(),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("user_id"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    user(),
    Column("seq", BigInteger, nullable=False),  # 1, 2, 3 … per user, in append order
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("task_id", Uuid),
    Column("task_version", Integer),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("entry", Text, nullable=False),  # the canonical JSON that was hashed
    Column("hash", LargeBinary, nullable=False),  # SHA-256(previous hash ‖ entry)
    PrimaryKeyConstraint("user_id", "seq"),
    UniqueConstraint("user_id", "event_id"),
    Index("ix_audit_entries_task", "user_id", "task_id", "task_version"),
)

webhooks = Table(
    "webhooks",
    metadata,
    user(),
    Column("id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    texts("events"),
    Column("secret", LargeBinary, nullable=False),  # encrypted, see shared/runtime/sealing
    Column("state", Text, nullable=False),
    Column("state_reason", Text),
    count("unanswered"),  # attempts in a row without an answer
    instant("unanswered_since", nullable=True),
    instant("paused_until", nullable=True),  # nothing is sent before
    count("version", 1),
    *stamps(),
    PrimaryKeyConstraint("user_id", "id"),
    CheckConstraint("state in ('enabled', 'disabled')", name="state"),
)

deliveries = Table(
    "deliveries",
    metadata,
    user(),
    Column("id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),  # webhook id, address …
    Column("payload", Text, nullable=False),  # the exact bytes to send on every attempt
    Column("state", Text, nullable=False),
    count("attempts"),
    instant("next_attempt_at", nullable=True),
    instant("lease_until", nullable=True),
    Column("response_status", SmallInteger),
    Column("last_error", Text),
    *stamps(),
    PrimaryKeyConstraint("user_id", "id"),
    UniqueConstraint("user_id", "event_id", "channel", "recipient"),
    CheckConstraint("state in ('pending', 'sending', 'sent', 'failed')", name="state"),
    # For lists. Other columns than the index of the claims, because the planner confused the two.
    Index("ix_deliveries_recipient", "recipient", "user_id", "created_at", "id"),
    # Claims jump from user to user and from recipient to recipient, and do not read the backlog of any.
    some(
        "ix_deliveries_waiting",
        *("user_id", "recipient", "next_attempt_at", "id"),
        where="state in ('pending', 'sending')",
    ),
    some("ix_deliveries_over", "updated_at", where="state in ('sent', 'failed')"),
)

notifications = Table(
    "notifications",
    metadata,
    user(),
    Column("id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("task_id", Uuid),
    Column("title", Text, nullable=False),
    json("data", "{}"),
    instant("created_at"),
    instant("read_at", nullable=True),
    PrimaryKeyConstraint("user_id", "id"),
    UniqueConstraint("user_id", "event_id"),
    Index("ix_notifications_newest", "user_id", text("created_at desc"), text("id desc")),
    Index(
        "ix_notifications_unread",
        *("user_id", text("created_at desc"), text("id desc")),
        postgresql_where=text("read_at is null"),
    ),
    Index("ix_notifications_created", "created_at"),
)
