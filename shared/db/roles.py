"""The database's roles and access rules. `ensure_roles` and `ensure_database` need an administrator;
`access_statements` is applied by the migrations as `owner`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql

from shared.db.grants import APP_ROLES, DUMPS, GRANTS, NO_USER, OWN_ROWS, SWEEPS

OWNER = "owner"
ROLES = (OWNER, *APP_ROLES)

# As role defaults they survive a transaction pooler. A publisher thread holds a transaction while it waits
# for the log (≤ 3 s, `relay` ≤ 10 s): idle_in_transaction_session_timeout bounds a process that froze there.
_COMMON = {
    "timezone": "UTC",
    "lock_timeout": "1s",
    # Sessions of a client whose host has gone count against the limit for hours without these.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # A generic plan of a prepared statement was up to 170 times slower for users with many rows.
    "plan_cache_mode": "force_custom_plan",
}
# Sweeps step from user to user in an index, in order. Under row-level security the planner expects next to no
# rows from a step, may fetch all that follow and sort them, and 8,000 waiting users take longer than a tick.
_STEPPING = _COMMON | {"enable_bitmapscan": "off", "enable_seqscan": "off"}
SETTINGS: Mapping[str, Mapping[str, str]] = {
    OWNER: {"timezone": "UTC", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"},
    "api": _COMMON | {"statement_timeout": "3s", "idle_in_transaction_session_timeout": "5s"},
    "consumer": _STEPPING | {"statement_timeout": "4s", "idle_in_transaction_session_timeout": "5s"},
    "ticker": _STEPPING | {"statement_timeout": "10s", "idle_in_transaction_session_timeout": "5s"},
    "relay": _STEPPING | {"statement_timeout": "15s", "idle_in_transaction_session_timeout": "15s"},
}

_Admin = psycopg.Connection[tuple[Any, ...]]


class UnsafeRole(RuntimeError):
    """One of our roles may bypass row-level security."""


def ensure_roles(admin: _Admin, passwords: Mapping[str, str]) -> None:
    """Create or repair owner, api, consumer, ticker and relay; `passwords` is by role. Repeatable.

    `admin` needs CREATEROLE, not superuser (managed PostgreSQL gives none). Raises UnsafeRole for a role
    that may bypass row-level security.
    """
    for role in ROLES:
        name, password = sql.Identifier(role), sql.Literal(passwords[role])
        if not admin.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
            admin.execute(
                sql.SQL("create role {} login nosuperuser nocreatedb nocreaterole nobypassrls").format(name)
            )
        admin.execute(sql.SQL("alter role {} login password {}").format(name, password))
        for setting, value in SETTINGS[role].items():
            admin.execute(
                sql.SQL("alter role {} set {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )
    _refuse_powerful_roles(admin)


def ensure_database(admin: _Admin, name: str) -> None:
    """Create database `name` for `owner` and close it to everybody else. Repeatable; needs autocommit."""
    if not admin.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
        _join_owner(admin)
        admin.execute(
            sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(OWNER))
        )
    database = sql.Identifier(name)
    admin.execute(sql.SQL("revoke all on database {} from public").format(database))
    roles = sql.SQL(", ").join(map(sql.Identifier, APP_ROLES))
    admin.execute(sql.SQL("grant connect on database {} to {}").format(database, roles))


def _join_owner(admin: _Admin) -> None:
    """Make the administrator a member of `owner`: only so may one that is no superuser create its
    database.
    """
    row = admin.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
    if row and not row[0]:
        admin.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(OWNER)))


def _refuse_powerful_roles(admin: _Admin) -> None:
    found = admin.execute(
        "select rolname from pg_roles where rolname = any(%s) and (rolsuper or rolbypassrls)", (list(ROLES),)
    ).fetchall()
    if found:
        names = ", ".join(row[0] for row in found)
        raise UnsafeRole(f"{names}: drop SUPERUSER and BYPASSRLS (alter role … nosuperuser nobypassrls)")


def access_statements(tables: Iterable[str]) -> list[str]:
    """Row-level security, policies and grants of all `tables` (those with user_id), from scratch."""
    roles = ", ".join(APP_ROLES)
    statements = ["revoke all on schema public from public", f"grant usage on schema public to {roles}"]
    for table in sorted(tables):
        statements += [
            f"revoke all on {table} from public, {roles}",
            f"alter table {table} enable row level security",
            f"alter table {table} force row level security",
            f"drop policy if exists own_rows on {table}",
            f"create policy own_rows on {table} using ({OWN_ROWS}) with check ({OWN_ROWS})",
            f"drop policy if exists {DUMPS} on {table}",
            f"create policy {DUMPS} on {table} for select to {OWNER} using ({NO_USER})",
        ]
    for role, granted in GRANTS.items():
        statements += [f"grant {privileges} on {table} to {role}" for table, privileges in granted.items()]
    return statements + _sweep_statements()


def _sweep_statements() -> list[str]:
    statements = []
    for sweep in SWEEPS:
        rows = NO_USER if sweep.where == "true" else f"{NO_USER} and {sweep.where}"
        for command in sweep.commands:
            using = "" if command == "insert" else f" using ({rows})"
            check = f" with check ({rows})" if command in {"insert", "update"} else ""
            name = f"sweep_{sweep.role}_{command}"
            statements += [
                f"drop policy if exists {name} on {sweep.table}",
                f"create policy {name} on {sweep.table} for {command} to {sweep.role}{using}{check}",
            ]
    return statements


def access_digest(tables: Iterable[str]) -> str:
    """Changes when the access rules do; kept as the comment of alembic_version."""
    return hashlib.sha256("\n".join(access_statements(tables)).encode()).hexdigest()
