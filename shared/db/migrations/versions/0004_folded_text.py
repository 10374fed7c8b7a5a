"""Titles and tags are kept folded as well, so that comparing them does not depend on the database's locale.

The release before writes neither column: what it creates or renames while both run is folded when it is
next written.
"""

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PAGE = 1_000  # rows in memory


def upgrade() -> None:
    op.add_column(
        "tasks",
        sa.Column("title_folded", sa.Text(collation="C"), server_default=sa.text("''"), nullable=False),
    )
    op.add_column(
        "tasks",
        sa.Column(
            "tags_folded",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
    )
    op.execute("alter table tasks no force row level security")
    _fold_rows(op.get_bind())
    op.execute("alter table tasks force row level security")


def downgrade() -> None:
    op.drop_column("tasks", "tags_folded")
    op.drop_column("tasks", "title_folded")


def _fold_rows(connection: sa.Connection) -> None:
    page = """select user_id, id, title, tags from tasks where (user_id, id) > (%s, %s)
              order by user_id, id limit %s"""
    update = "update tasks set title_folded = %s, tags_folded = %s where user_id = %s and id = %s"
    last: tuple[str, object] = ("", "00000000-0000-0000-0000-000000000000")
    while rows := connection.exec_driver_sql(page, (*last, _PAGE)).all():
        folded = [
            (_fold(title), [_fold(tag) for tag in tags], user, task) for user, task, title, tags in rows
        ]
        connection.exec_driver_sql(update, folded)
        last = rows[-1][0], rows[-1][1]


def _fold(text: str) -> str:
    """As `shared.domain.text.fold` was when this migration was written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
