"""Public classes say what they are. What a new reader meets first has an example in its docstring.

doctest runs the examples, see tests/examples.py.
"""

import ast
from pathlib import Path

import pytest

from tests.examples import NEED_DATABASE, modules

PROJECT = Path(__file__).resolve().parents[3]
WITH_EXAMPLE = {
    "functions/tasks/edge/bodies.py": ("parse",),
    "functions/tasks/edge/conditions.py": ("if_match",),
    "functions/tasks/edge/paging.py": ("Page",),
    "functions/tasks/edge/writes.py": ("digest_of",),
    "shared/db/columns.py": ("listed", "assigned", "excluded", "insert", "without"),
    "shared/db/pool.py": ("Database",),
    "shared/db/transaction.py": ("Transaction",),
    "shared/db/uow.py": ("UnitOfWork",),
    "shared/domain/audit_chain.py": ("link",),
    "shared/domain/backoff.py": ("next_attempt",),
    "shared/domain/cron.py": ("occurrences",),
    "shared/domain/due.py": ("Due", "parse_due"),
    "shared/domain/errors.py": ("", "invalid_field"),
    "shared/domain/identity.py": ("uuid7",),
    "shared/domain/next_occurrence.py": ("key_of", "next_occurrence"),
    "shared/domain/preferences.py": ("Preferences",),
    "shared/domain/quiet_hours.py": ("QuietHours",),
    "shared/domain/recurrence.py": ("describe", "from_shortcut", "occurrences", "validate"),
    "shared/domain/reminder.py": ("remind_at",),
    "shared/domain/rrule_errors.py": ("InvalidRecurrence",),
    "shared/domain/rrule_lines.py": ("rule_parts", "without_start"),
    "shared/domain/rrule_text.py": ("Rule", "format_rule"),
    "shared/domain/rule.py": ("merged", "parse_rule"),
    "shared/domain/series.py": ("Occurrence", "Series"),
    "shared/domain/task.py": ("Task",),
    "shared/domain/task_reminders.py": ("instant_of", "planned"),
    "shared/domain/text.py": ("clean_label", "fold"),
    "shared/domain/time_text.py": ("read_time",),
    "shared/domain/versions.py": ("check_version",),
    "shared/domain/webhook.py": ("matches", "sign"),
    "shared/domain/webhook_target.py": ("parse",),
    "shared/domain/zones.py": ("resolve",),
    "shared/messaging/cloudevent.py": ("CloudEvent",),
    "shared/messaging/embedded.py": ("EmbeddedPublisher",),
    "shared/messaging/encoding.py": ("cloudevent_of", "to_http"),
    "shared/messaging/kafka.py": ("KafkaPublisher",),
    "shared/messaging/strict_json.py": ("loads",),
    "shared/runtime/auth.py": ("Identity", "Verifier"),
    "shared/runtime/consumer.py": ("Consumer",),
    "shared/runtime/deadline.py": ("within",),
    "shared/runtime/entry.py": ("Once",),
    "shared/runtime/http.py": ("create_app",),
    "shared/runtime/logging.py": ("Logger",),
    "shared/runtime/parsers.py": ("origins",),
    "shared/runtime/problems.py": ("status_of",),
    "shared/runtime/publisher.py": ("drain",),
    "shared/runtime/received.py": ("interpret",),
    "shared/runtime/sealing.py": ("Sealer",),
    "shared/runtime/settings.py": ("load",),
    "shared/runtime/tracing.py": ("continue_trace",),
    "shared/runtime/verdicts.py": ("judge",),
    "shared/runtime/wiring.py": ("connections",),
    "shared/events/base.py": ("Event", "changes_between"),
    "shared/events/catalog.py": ("consumers",),
    "shared/events/shape.py": ("wrong_member",),
}


@pytest.mark.parametrize("path", WITH_EXAMPLE)
def test_has_an_example(path):
    tree = ast.parse((PROJECT / path).read_text())
    documented = {
        "": ast.get_docstring(tree),
        **{
            node.name: ast.get_docstring(node)
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        },
    }
    without = [name for name in WITH_EXAMPLE[path] if ">>> " not in (documented.get(name) or "")]

    assert without == [], "show in its docstring how it is used"


def test_public_classes_say_what_they_are():
    assert [
        f"{path.relative_to(PROJECT)}:{node.lineno} {node.name}"
        for folder in ("shared", "functions")
        for path in sorted((PROJECT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ] == []


def test_every_example_belongs_to_a_tier():
    """The unit tier runs whatever is not named here, so a name without an example would run nothing."""
    assert set(NEED_DATABASE) <= set(modules())
