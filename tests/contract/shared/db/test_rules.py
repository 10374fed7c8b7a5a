"""Rules of the database layer that reading the files can check."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import roles_doc
from shared.db.grants import APP_ROLES, GRANTS, SWEEPS
from shared.db.schema import metadata

ROOT = Path(__file__).resolve().parents[4]
MODULES = sorted(
    path
    for folder in ("shared", "functions")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)
SQL = re.compile(
    r"\s*\(?\s*(select|insert|update|delete|with|set|create|listen|notify|begin|commit)\b", re.IGNORECASE
)
TIME = re.compile(
    r"\b(now\s*\(\s*\)|(transaction|statement|clock)_timestamp|current_(date|time|timestamp))\b",
    re.IGNORECASE,
)
SESSION = re.compile(
    r"\b(set\s+(session|role|time\s+zone|app\.)|listen\s|notify\s|pg_(try_)?advisory_lock|create\s+temp)",
    re.IGNORECASE,
)


def sql_texts(path):
    """String literals that contain SQL; docstrings are prose."""
    tree = ast.parse(path.read_text())
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in prose else None
        if isinstance(text, str) and SQL.match(text):
            yield text


def test_only_the_unit_of_work_asks_the_database_for_the_time():
    found = {
        path.relative_to(ROOT).as_posix() for path in MODULES for text in sql_texts(path) if TIME.search(text)
    }
    assert found == {"shared/db/opening.py"}


def test_nothing_changes_the_session():
    """A setting, a listener or a lock of a session would reach the next user of a pooled connection."""
    assert [(path.name, text) for path in MODULES for text in sql_texts(path) if SESSION.search(text)] == []


def test_only_the_unit_of_work_commits():
    calls = re.compile(r"\.commit\(|[\"']commit\b", re.IGNORECASE)
    assert {p.relative_to(ROOT).as_posix() for p in MODULES if calls.search(p.read_text())} == {
        "shared/db/uow.py"
    }


def test_every_table_is_granted_to_somebody_and_every_grant_has_a_table():
    granted = {table for tables in GRANTS.values() for table in tables}
    assert granted == set(metadata.tables)
    assert set(GRANTS) == set(APP_ROLES)
    assert all(sweep.table in GRANTS[sweep.role] for sweep in SWEEPS)


def test_the_page_about_roles_shows_the_matrix():
    text = roles_doc.PAGE.read_text()
    assert roles_doc.page(text) == text, "docs/roles.md is out of date: run python -m scripts.roles_doc"


def test_the_audit_log_is_append_only_by_grant():
    assert {role: GRANTS[role].get("audit_entries") for role in APP_ROLES} == {
        "api": "select",
        "consumer": "select, insert",
        "ticker": None,
        "relay": None,
    }


@pytest.mark.parametrize(
    "module",
    [
        "uow",
        "pool",
        "store.outbox",
        "store.inbox",
        "store.idempotency",
        "store.failures",
        "store.reconciliation",
    ],
)
def test_a_function_that_wakes_imports_no_sqlalchemy(module):
    heavy = "{'sqlalchemy', 'alembic', 'psycopg_pool'}"
    code = f"import sys, shared.db.{module}; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""
