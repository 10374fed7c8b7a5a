"""splits and skips."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("series", sa.Column("ends_before", sa.Text(), nullable=True))
    op.add_column(
        "series",
        sa.Column(
            "template",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
    )
    op.add_column(
        "occurrences", sa.Column("emitted_count", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "occurrences",
        sa.Column("skip_missed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "ix_tasks_parent",
        "tasks",
        ["user_id", "parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id is not null"),
    )
    # Until now the ordinal was what COUNT had counted.
    op.execute("alter table occurrences no force row level security")
    op.execute("update occurrences set emitted_count = ordinal")
    op.execute("alter table occurrences force row level security")


def downgrade() -> None:
    op.drop_index("ix_tasks_parent", table_name="tasks", postgresql_where=sa.text("parent_id is not null"))
    op.drop_column("occurrences", "skip_missed")
    op.drop_column("occurrences", "emitted_count")
    op.drop_column("series", "template")
    op.drop_column("series", "ends_before")
