"""`scripts/new-function NAME [--event TYPE]`: one folder, two manifests, two tests; nothing else changes.

Everything that is the same in all functions is copied from `recurrence`, so that it is never out of date.
"""

import argparse
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.scaffold import texts
from shared.events.base import TASK_EVENTS, Event
from shared.events.catalog import EVENTS
from shared.events.task import TaskCompleted

PROJECT = Path(__file__).resolve().parents[2]
MODEL = "recurrence"
_NAME = re.compile(r"[a-z][a-z0-9]{1,30}")


class Refused(Exception):  # said of the wish
    """The function cannot be made; the message says why."""


def main(arguments: Sequence[str]) -> int:
    """Exit code: 2 when it is refused, before any file is written."""
    parser = argparse.ArgumentParser(prog="scripts/new-function", description=__doc__)
    parser.add_argument("name", help="one word: folder, target, Service, Trigger and inbox consumer")
    parser.add_argument(
        "--event", default=TaskCompleted.type, help=f"type that wakes it ({TaskCompleted.type})"
    )
    given = parser.parse_args(arguments)
    try:
        made = files(given.name, given.event, root=PROJECT)
    except Refused as reason:
        print(f"scripts/new-function: {reason}", file=sys.stderr)
        return 2
    for path, text in made.items():
        target = PROJECT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        print(f"wrote {path}")
    print(f"next: write functions/{given.name}/handler.py, then scripts/manifests and scripts/test")
    print("see docs/add-a-function.md")
    return 0


def files(name: str, event_type: str, *, root: Path) -> Mapping[str, str]:
    """Content by path of everything that a new function consists of; raises Refused."""
    event = _checked(name, event_type)
    taken = [
        p
        for p in (f"functions/{name}", f"knative/{name}.yaml", f"eventing/trigger-{name}.yaml")
        if (root / p).exists()
    ]
    if taken:
        raise Refused(f"{', '.join(taken)} exists already")
    folder = f"functions/{name}"
    return {
        f"{folder}/__init__.py": _filled(texts.INIT, name, event),
        f"{folder}/main.py": _like_model(root, "main.py", name),
        f"{folder}/settings.py": _like_model(root, "settings.py", name),
        f"{folder}/handler.py": _filled(texts.HANDLER, name, event),
        f"{folder}/func.yaml": _like_model(root, "func.yaml", name),
        f"knative/{name}.yaml": _service(root, name, event),
        f"eventing/trigger-{name}.yaml": _trigger(root, name, event),
        f"tests/unit/{folder}/test_{name}_handler.py": _filled(texts.UNIT_TEST, name, event),
        f"tests/integration/{folder}/test_{name}.py": _filled(texts.INTEGRATION_TEST, name, event),
    }


def _checked(name: str, event_type: str) -> type[Event]:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise Refused(f"{name!r} must be one lower-case word: it is a Python name and a DNS label")
    event = EVENTS.get(event_type)
    if event is None or event.topic != TASK_EVENTS:
        known = ", ".join(t for t, cls in EVENTS.items() if cls.topic == TASK_EVENTS)
        raise Refused(f"{event_type!r} is no event of the broker {TASK_EVENTS}; known: {known}")
    return event


def _filled(text: str, name: str, event: type[Event]) -> str:
    module = event.__module__.rpartition(".")[2]
    for marker, value in (
        ("NAME", name),
        ("EVENT", event.__name__),
        ("TYPE", event.type),
        ("MODULE", module),
    ):
        text = re.sub(rf"\b{marker}\b", value, text)
    return text


def _like_model(root: Path, file: str, name: str) -> str:
    return (root / "functions" / MODEL / file).read_text().replace(MODEL, name)


def _service(root: Path, name: str, event: type[Event]) -> str:
    head, _, rest = (root / f"knative/{MODEL}.yaml").read_text().partition("\n")
    if not head.startswith("#"):
        raise Refused(f"knative/{MODEL}.yaml no longer begins with the comment that this command replaces")
    return _filled("# Woken by EVENT events: eventing/trigger-NAME.yaml.\n", name, event) + rest.replace(
        MODEL, name
    )


def _trigger(root: Path, name: str, event: type[Event]) -> str:
    """Delivery and subscriber as every Trigger has them."""
    _, marker, rest = (root / f"eventing/trigger-{MODEL}.yaml").read_text().partition("  delivery:")
    return _filled(texts.TRIGGER, name, event) + marker + rest.replace(f"name: {MODEL}\n", f"name: {name}\n")
