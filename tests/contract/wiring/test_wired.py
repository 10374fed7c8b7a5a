"""Every setting reaches what it is for, in every function; a wiring that is changed does not pass."""

import ast
import base64
import copy
import importlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from functions.recurrence.handler import ACCEPTS as RECURRENCE_ACCEPTS
from functions.tasks.wiring import WRITES
from shared.runtime import lifecycle, preload
from shared.runtime.wiring import connections
from tests.contract.wiring.wired_objects import facts, shown

PROJECT = Path(__file__).resolve().parents[3]
NAMES = sorted(path.parent.name for path in PROJECT.glob("functions/*/main.py"))
THREADS = 6
KEY = bytes(range(32))
# Distinguishable, and none of them a default.
ENVIRONMENT = {
    "THREADS": str(THREADS),
    "DATABASE_URL": "postgresql://role@127.0.0.1:9/of-the-function",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9",
    "AUTH_ISSUER": "https://issuer.example",
    "AUTH_AUDIENCE": "https://audience.example",
    "AUTH_JWKS_URL": "https://keys.example/jwks",
    "CORS_ALLOWED_ORIGINS": "https://one.example,https://two.example",
    "WEBHOOK_SECRET_KEY": base64.b64encode(KEY).decode(),
    "WEBHOOK_ALLOW_LOOPBACK": "true",
}
# Where each of them has to arrive: any of these.
PLACES = {
    "DATABASE_URL": ("Database._dsn=postgresql://role@127.0.0.1:9/of-the-function",),
    "KAFKA_BOOTSTRAP_SERVERS": ("connector.<locals>.make:kafka=kafka.example:9",),
    "AUTH_ISSUER": ("Verifier._issuer=https://issuer.example",),
    "AUTH_AUDIENCE": ("Verifier._audience=https://audience.example",),
    "AUTH_JWKS_URL": ("KeyCache._url=https://keys.example/jwks",),
    "CORS_ALLOWED_ORIGINS": (
        "create_app.<locals>.<lambda>:cors_origins=https://one.example https://two.example",
        "Updates._origins=https://one.example https://two.example",
    ),
    "WEBHOOK_SECRET_KEY": (f"Sealer._first={KEY}",),
    "WEBHOOK_ALLOW_LOOPBACK": ("Policy.allow_loopback=True", "post(allow_loopback=True)"),
}
RELAY_STEPS = "build.<locals>.rederive Purge.run Reconciliation.run Replay.run OutboxSweep.run Retention.run"
PRELOADED = " ".join(["jwt", "Verifier.prepare", "Database.prepare", *WRITES, "load(kafka.example:9)"])
# What is decided by the wiring beside settings: how events are handled, what a tick does, what ends with it.
DECIDED = {
    "audit": {"Consumer.mode=record", "Consumer.accepts=None", "Consumer.handler=handle"},
    "notifications": {
        "Consumer.mode=record",
        "Consumer.accepts=None",
        "Consumer.handler=handle",
        "handle(notify=Sender.notify)",
        "Courier._draw=Random.random",
        "tick.<locals>.respond:handler=Tick.run",
        "on_stop=Sender.stop",
    },
    "recurrence": {
        "Consumer.mode=write",
        f"Consumer.accepts={' '.join(sorted(RECURRENCE_ACCEPTS))}",
        "Consumer.handler=handle",
    },
    "relay": {
        "view=DeadLetterDesk.guard.<locals>.respond",
        "UnitOfWork._on_commit=None",
        "tick.<locals>.respond:handler=build.<locals>.<lambda>",
        "build.<locals>.<lambda> uses run_all steps",
        f"build.<locals>.<lambda>:steps={RELAY_STEPS}",
        "build.<locals>.rederive uses Rederivation functions.relay.rederivation run uow",
    },
    "reminders": {
        "tick.<locals>.respond:handler=Sweep.run",
    },
    "tasks": {"view=serve_request", f"preload={PRELOADED}"},
    "updates": {
        "view=Updates",
        "UnitOfWork._on_commit=None",
        "Updates._verify=Verifier.verify",
        "build.<locals>.read uses Feed READ_SECONDS positions read sweep tx uow",
    },
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lifecycle, "_callbacks", [])
    monkeypatch.setattr(lifecycle, "_prepared", [])
    monkeypatch.setattr(preload, "_steps", [])
    monkeypatch.setattr(lifecycle.atexit, "register", lambda _: None)


def source(name: str, module: str) -> ast.Module | None:
    path = PROJECT / f"functions/{name}/{module}.py"
    return ast.parse(path.read_text()) if path.is_file() else None


def made(qualified: str, tree: ast.Module) -> ModuleType:
    """The module `qualified` with the body `tree`."""
    module = ModuleType(qualified)
    exec(compile(tree, qualified, "exec"), vars(module))  # our own source, perhaps mutated
    return module


def wired_facts(name: str, main: ast.Module, wiring: ast.Module | None) -> set[str]:
    """What `functions/<name>/main.py` wires when these are its sources."""
    lifecycle._callbacks.clear()
    preload._steps.clear()
    with pytest.MonkeyPatch.context() as patch:
        if wiring is not None:
            patch.setitem(sys.modules, f"functions.{name}.wiring", made(f"functions.{name}.wiring", wiring))
        view = made(f"functions.{name}.main", main).wire()
    found = facts(view) | {f"view={shown(view)}"}
    found |= {f"preload={' '.join(map(step, preload._steps))}"} if preload._steps else set()
    return found | {f"on_stop={callback.__qualname__}" for callback in lifecycle._callbacks}


def step(found: preload.Step) -> str:
    """What is loaded in the background, with what is given to it."""
    if isinstance(found, partial):
        return f"{shown(found)}({shown(found.args)})"
    return shown(found)


def problems(name: str, found: set[str], variables: set[str], wired) -> list[str]:
    """What is wrong with a function of which this was found; [] when it is wired as it should be."""
    missing = [
        f"{variable} does not arrive at {' or '.join(PLACES[variable])}"
        for variable in sorted(variables)
        if not found & set(PLACES[variable])
    ]
    expected = common(name, variables, wired) | DECIDED.get(name, set())
    missing += [f"missing: {line}" for line in sorted(expected - found)]
    decided = tuple(line.partition("=")[0] + "=" for line in expected)
    return missing + [f"unexpected: {e}" for e in sorted(found - expected) if e.startswith(decided)]


def common(name: str, variables: set[str], wired) -> set[str]:
    """What follows from the function's name, from what it can reach and from what wakes it."""
    lines = {
        f"Database._application_name={name}",
        f"Database._max_size={connections(THREADS)}",
        "Database.remaining=remaining",
        f"UnitOfWork.source=/taskflow/{name}",
    }
    ticked = any(tick.sink.name == name for tick in wired.ticks.values())
    fed = any(feed.sink.name == name for feed in wired.feeds)
    if ticked:
        lines |= {f"tick.<locals>.respond:name={name}", "tick.<locals>.respond:budget=45.0"}
    if fed and name not in ("relay", "updates"):  # they take what is no event of a user
        lines |= {
            f"Consumer.name={name}",
            f"consume.<locals>.respond:name={name}",
            "function.<locals>.respond:on_event=consume.<locals>.respond",
        }
    if ticked or (fed and name != "updates"):
        lines.add(f"function.<locals>.respond:name={name}")
        lines.add(f"function.<locals>.respond:on_tick={'tick.<locals>.respond' if ticked else None}")
    if name in ("relay", "reminders"):
        lines.add("function.<locals>.respond:on_event=None")
    if "KAFKA_BOOTSTRAP_SERVERS" in variables and name != "relay":  # which sweeps what publishers leave
        lines |= {f"UnitOfWork._on_commit={commit}" for commit in ("PublisherThread.notify", None)}
        lines.add("UnitOfWork.source=/taskflow/publisher")
    return lines


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_and_name_arrives_where_it_belongs(name, settings_of, wired):
    main = source(name, "main")
    assert main is not None
    found = wired_facts(name, main, source(name, "wiring"))

    assert problems(name, found, set(settings_of[name]), wired) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_wiring_is_what_the_target_defers(name):
    """`wire` is what `main` defers, and the target answers with it."""
    module = importlib.import_module(f"functions.{name}.main")
    assert module.wire in {getattr(c, "_build", None) for c in _deferred(module)}


def _deferred(module: ModuleType) -> Iterator[object]:
    for value in vars(module).values():
        yield value
        yield from (cell.cell_contents for cell in getattr(value, "__closure__", None) or ())


@pytest.mark.parametrize("name", sorted(DECIDED))
def test_a_changed_wiring_is_noticed(name, settings_of, wired):
    """Two settings swapped, an argument, a statement or a step left out: each of them turns the test red."""
    sources = {module: source(name, module) for module in ("main", "wiring")}
    survivors, count = [], 0
    for module, tree in sources.items():
        for what, mutant in mutants(tree) if tree else ():
            count += 1
            try:
                found = wired_facts(name, **{**sources, module: mutant})
            except Exception:  # noqa: BLE001  # it does not even wire: noticed
                continue
            if not problems(name, found, set(settings_of[name]), wired):
                survivors.append(f"{module}.py: {what}")

    assert count >= 5
    assert survivors == []


def mutants(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """Every way to leave out one part of `build` or `wire`, and to swap two of its settings."""
    for number, (what, change) in enumerate(changes(tree)):
        mutant = copy.deepcopy(tree)
        list(changes(mutant))[number][1]()
        assert ast.dump(mutant) != ast.dump(tree), what
        del change
        yield what, ast.fix_missing_locations(mutant)


def changes(tree: ast.Module):
    """(description, function that makes the change in `tree`), in a fixed order."""
    roots = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in ("build", "wire")]
    for node in (inner for root in roots for inner in ast.walk(root)):
        match node:
            case ast.Call(args=args, keywords=keywords):
                yield from (leaving_out(args, a) for a in args)
                yield from (leaving_out(keywords, k) for k in keywords)
            case ast.Assign(value=ast.Tuple(elts=elements)):
                yield from (leaving_out(elements, e) for e in elements)
            case ast.FunctionDef(body=body):
                yield from (
                    leaving_out(body, s)
                    for s in body
                    if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call) and len(body) > 1
                )
    used = [
        n
        for root in roots
        for n in ast.walk(root)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "settings"
    ]
    for at, one in enumerate(used):
        yield from (swapping(one, other) for other in used[at + 1 :] if other.attr != one.attr)


def leaving_out(siblings, node):
    return f"without {ast.unparse(node)}", lambda: siblings.remove(node)


def swapping(one: ast.Attribute, other: ast.Attribute):
    def swap():
        one.attr, other.attr = other.attr, one.attr

    return f"{one.attr} and {other.attr} swapped", swap
