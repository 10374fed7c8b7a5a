"""series successors digests tzdata."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("tzdata", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("next_digest_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_accounts_digest",
        "accounts",
        ["next_digest_at"],
        unique=False,
        postgresql_where=sa.text("next_digest_at is not null"),
    )
    op.create_index("ix_accounts_tzdata", "accounts", ["tzdata"], unique=False)
    op.add_column("series", sa.Column("successor_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("series", "successor_id")
    op.drop_index("ix_accounts_tzdata", table_name="accounts")
    op.drop_index(
        "ix_accounts_digest", table_name="accounts", postgresql_where=sa.text("next_digest_at is not null")
    )
    # The access rules read the column; they are made anew at the next upgrade to the newest revision.
    op.execute("drop policy if exists sweep_consumer_select on accounts")
    op.drop_column("accounts", "next_digest_at")
    op.drop_column("accounts", "tzdata")
