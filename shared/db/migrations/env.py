"""What Alembic runs for every command: one connection as `owner`, one transaction, then the access rules.

`owner` can change no rows (forced row-level security): a migration that changes data lifts it with
`alter table … no force row level security` and forces it again before it ends.
"""

import psycopg
from alembic import context
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text

from shared.db.roles import access_digest, access_statements
from shared.db.schema import metadata

_LOCK = 7_236_001  # any number, the same in every process that migrates


def _run() -> None:
    dsn = context.config.attributes["dsn"]
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_server_default=True,
            transaction_per_migration=False,
        )
        with context.begin_transaction():
            context.run_migrations()
            _apply_access(connection)
            context.config.attributes.get("finally", _nothing)(connection)  # may raise: all is undone


def _nothing(_connection: Connection) -> None:
    """What follows a migration, unless the caller wants more."""


def _apply_access(connection: Connection) -> None:
    """The rules describe the newest tables: at an older revision there is nothing to apply them to."""
    heads = set(ScriptDirectory.from_config(context.config).get_heads())
    if not heads or set(context.get_context().get_current_heads()) != heads:
        connection.exec_driver_sql("comment on table alembic_version is null")
        return
    tables = [table.name for table in metadata.sorted_tables if "user_id" in table.columns]
    wanted = access_digest(tables)
    stamp = "select obj_description('alembic_version'::regclass, 'pg_class')"
    if connection.scalar(text(stamp)) == wanted:
        return  # policies need an exclusive lock on every table: not on every deployment
    for statement in access_statements(tables):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"comment on table alembic_version is '{wanted}'")


_run()
