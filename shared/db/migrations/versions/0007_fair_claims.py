"""Claims that reach every user past another's backlog; pauses of endpoints that answer nothing."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_WAITING = "state in ('pending', 'sending')"


def upgrade() -> None:
    op.add_column(
        "webhooks", sa.Column("unanswered", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("webhooks", sa.Column("unanswered_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("webhooks", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    _index(
        "ix_deliveries_waiting", "deliveries", "user_id", "recipient", "next_attempt_at", "id", where=_WAITING
    )
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.drop_index("ix_deliveries_claim", table_name="deliveries")
    op.drop_index("ix_deliveries_recipient", table_name="deliveries")
    op.create_index("ix_deliveries_recipient", "deliveries", ["recipient", "user_id", "created_at", "id"])
    op.drop_index("ix_accounts_digest", table_name="accounts")
    _index("ix_accounts_digest", "accounts", "next_digest_at", "user_id", where="next_digest_at is not null")
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["user_id", sa.text("created_at desc"), sa.text("id desc")],
        postgresql_where=sa.text("read_at is null"),
    )


def downgrade() -> None:
    op.drop_index("ix_notifications_unread", table_name="notifications")
    op.drop_index("ix_accounts_digest", table_name="accounts")
    _index("ix_accounts_digest", "accounts", "next_digest_at", where="next_digest_at is not null")
    op.drop_index("ix_deliveries_recipient", table_name="deliveries")
    op.create_index("ix_deliveries_recipient", "deliveries", ["user_id", "recipient", "created_at"])
    _index("ix_deliveries_claim", "deliveries", "user_id", "next_attempt_at", where=_WAITING)
    _index("ix_deliveries_due", "deliveries", "next_attempt_at", where=_WAITING)
    op.drop_index("ix_deliveries_waiting", table_name="deliveries")
    for column in ("paused_until", "unanswered_since", "unanswered"):
        op.drop_column("webhooks", column)


def _index(name: str, table: str, *columns: str, where: str) -> None:
    op.create_index(name, table, list(columns), postgresql_where=sa.text(where))
