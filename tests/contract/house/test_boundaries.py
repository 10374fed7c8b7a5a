"""What may be done in one place only: read the environment, read the clock, commit, speak to Kafka."""

import ast
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SOURCES = sorted(
    str(path.relative_to(PROJECT))
    for folder in ("functions", "shared")
    for path in (PROJECT / folder).rglob("*.py")
    if "shared/db/migrations/" not in str(path)
)
CLOCK = "shared/runtime/clock.py"
UNIT_OF_WORK = "shared/db/uow.py"
OPENING = "shared/db/opening.py"  # its first half
CONNECTION = "shared/db/connection.py"  # rolls back by itself when its time is over
WALL = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "time.time", "time.time_ns", "time.localtime", "time.gmtime",
}  # fmt: skip
STOPWATCH = {"time.monotonic", "time.perf_counter"}
STOPWATCH_ALLOWED = {  # below `runtime`
    CLOCK, CONNECTION, OPENING, "shared/messaging/kafka.py", "shared/messaging/embedded.py",
}  # fmt: skip
SQL_TIME = re.compile(
    r"\b(now\(\)|current_timestamp|current_date|current_time\b|clock_timestamp|statement_timestamp"
    r"|transaction_timestamp|localtimestamp|timeofday)",
    re.IGNORECASE,
)
ONLY_IN = {
    "cloudevents": {"shared/messaging/cloudevent.py"},
    "kafka": {"shared/messaging/kafka.py"},
    "confluent_kafka": {"shared/messaging/confluent.py"},
    "sqlalchemy": {"shared/db/schema.py", "shared/db/schema_parts.py"},
    "alembic": {"shared/db/migrate.py"},
}


@functools.cache
def tree(path: str) -> ast.Module:
    return ast.parse((PROJECT / path).read_text())


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def attributes(path: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            yield dotted(node), node.lineno


def texts(path: str) -> Iterator[tuple[str, int]]:
    """Every text in the code that is no docstring."""
    module = tree(path)
    said = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value, node.lineno


def imported(path: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0], node.lineno


def test_the_environment_is_read_by_settings():
    found = [
        f"{path}:{line}"
        for path in SOURCES
        for name, line in attributes(path)
        if name in ("os.environ", "os.getenv") and Path(path).name != "settings.py"
    ]

    assert not found, "make it a field of Settings"


def test_the_clock_is_read_by_clock():
    found = []
    for path in SOURCES:
        banned = WALL if path in STOPWATCH_ALLOWED else WALL | STOPWATCH
        for name, line in attributes(path):
            if path != CLOCK and ".".join(name.split(".")[-2:]) in banned:
                found.append(f"{path}:{line}: {name}")

    assert not found, "use tx.now or shared.runtime.clock"


def test_sql_knows_no_time_of_its_own():
    found = [
        f"{path}:{line}: {text.strip()[:60]}"
        for path in SOURCES
        for text, line in texts(path)
        if path != OPENING and SQL_TIME.search(text)
    ]

    assert not found, "pass tx.now: it is the simulated clock in tests"


def test_only_the_unit_of_work_commits():
    elsewhere = [path for path in SOURCES if path != UNIT_OF_WORK]
    found = [
        f"{path}:{line}"
        for path in elsewhere
        for name, line in attributes(path)
        if name.endswith((".commit", ".rollback"))
    ]
    found += [
        f"{path}:{line}"
        for path in elsewhere
        for text, line in texts(path)
        if text.strip().lower() == "commit" or (text.strip().lower() == "rollback" and path != CONNECTION)
    ]

    assert not found


def test_libraries_stay_behind_their_adapter():
    assert [
        f"{path}:{line}: {library} belongs to {ONLY_IN[library]}"
        for path in SOURCES
        for library, line in imported(path)
        if path not in ONLY_IN.get(library, {path}) and not path.startswith("shared/testing/")
    ] == []


def test_dapr_is_spoken_by_its_adapter():
    assert [
        f"{path}:{line}"
        for path in SOURCES
        for text, line in texts(path)
        if path != "shared/messaging/dapr.py" and (":3500" in text or "/v1.0/" in text)
    ] == []


def test_the_rules_find_what_they_forbid(tmp_path, monkeypatch):
    """Each search on a module that breaks every rule: a rule that finds nothing guards nothing."""
    bad = tmp_path / "shared/bad.py"
    bad.parent.mkdir()
    bad.write_text(
        "import os\nimport time\nfrom datetime import datetime\nimport sqlalchemy\n"
        "os.environ['X']\ndatetime.now()\ntime.time()\nconnection.commit()\n"
        "SQL = 'select now()'\nEND = 'COMMIT'\nURL = 'http://localhost:3500'\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "PROJECT", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "SOURCES", ["shared/bad.py"])
    rules = [value for name, value in globals().items() if name.startswith("test_") and "rules" not in name]

    assert len(rules) == 6
    for rule in rules:
        with pytest.raises(AssertionError):
            rule()
