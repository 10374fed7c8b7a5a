"""What a wired function is made of, as lines of text: which setting, name and handler arrived where.

`facts(view)` walks from the function's view through closures, partials, bound methods and our own objects.
Nothing is called and nothing connects.
"""

import dis
from collections.abc import Iterable, Iterator
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from flask import Flask

# Class → the attributes that a composition root decides.
SHOWN = {
    "Database": ("_dsn", "_application_name", "_max_size", "remaining"),
    "UnitOfWork": ("source", "_on_commit"),
    "Verifier": ("_issuer", "_audience"),
    "KeyCache": ("_url",),
    "Sealer": ("_first",),
    "Policy": ("allow_loopback",),
    "Courier": ("_draw",),
    "Updates": ("_origins", "_verify"),
    "Consumer": ("name", "mode", "handler", "accepts"),
}
# A function made by one of ours → what it has closed over.
CLOSED = {
    "connector.<locals>.make": ("kafka",),
    "consume.<locals>.respond": ("name",),
    "create_app.<locals>.<lambda>": ("cors_origins",),
    "function.<locals>.respond": ("name", "on_event", "on_tick"),
    "tick.<locals>.respond": ("name", "budget", "handler"),
}
OWN = ("functions.", "shared.")


def facts(view: object) -> set[str]:
    """`Class.attribute=value` for everything that can be reached."""
    return {line for found in reached(view) for line in lines(found)}


def lines(found: Any) -> Iterator[str]:
    name = type(found).__name__
    for attribute in SHOWN.get(name, ()):
        yield f"{name}.{attribute}={shown(getattr(found, attribute))}"
    if isinstance(found, partial):
        for key, value in found.keywords.items():
            yield f"{found.func.__qualname__}({key}={shown(value)})"
    if isinstance(found, FunctionType):
        cells = closure(found)
        for variable in CLOSED.get(found.__qualname__, ()):
            yield f"{found.__qualname__}:{variable}={shown(cells[variable])}"
        if found.__qualname__.startswith("build.<locals>."):
            yield f"{found.__qualname__} uses {' '.join(sorted(used_names(found)))}"
            yield from (f"{found.__qualname__}:{k}={shown(v)}" for k, v in cells.items())


def used_names(function: FunctionType) -> set[str]:
    """Every name that the body of `function` reads."""
    read = {*function.__code__.co_names, *function.__code__.co_freevars}
    for step in dis.get_instructions(function):
        if step.opname.startswith("LOAD_FAST"):
            read.update(step.argval if isinstance(step.argval, tuple) else [step.argval])  # 3.13: two at once
    return read


def shown(value: Any) -> str:
    if isinstance(value, partial):
        return shown(value.func)
    if isinstance(value, FunctionType | MethodType):
        return value.__qualname__
    if isinstance(value, tuple | list):
        return " ".join(map(shown, value))
    if isinstance(value, set | frozenset):
        return " ".join(sorted(map(shown, value)))
    plain = value is None or isinstance(value, str | int | float | bytes)
    return str(value) if plain else getattr(value, "__qualname__", type(value).__name__)


def reached(root: object) -> Iterator[object]:
    """Every object behind `root`, once."""
    waiting, seen = [root], set()
    while waiting:
        found = waiting.pop()
        if id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting.extend(behind(found))


def behind(found: Any) -> Iterable[object]:
    match found:
        case FunctionType():
            next_ones = [*closure(found).values(), getattr(found, "__wrapped__", None)]
        case MethodType():
            next_ones = [found.__self__]
        case partial():
            next_ones = [found.func, *found.args, *found.keywords.values()]
        case Flask():
            next_ones = [*found.view_functions.values(), *found.after_request_funcs.values()]
        case tuple() | list() | set() | frozenset():
            next_ones = list(found)
        case dict():
            next_ones = list(found.values())
        case _:
            next_ones = attributes(found) if type(found).__module__.startswith(OWN) else []
    return next_ones


def attributes(found: object) -> list[object]:
    slots = [getattr(found, name, None) for name in getattr(type(found), "__slots__", ())]
    return [*vars(found).values(), *slots] if hasattr(found, "__dict__") else slots


def closure(function: FunctionType) -> dict[str, Any]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if not _empty(cell)}


def _empty(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return True
    return False
