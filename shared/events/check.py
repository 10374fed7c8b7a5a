"""The types of an event's fields, checked when it is made: a wrong one must not reach the outbox.

The annotations of the dataclasses are what the JSON Schemas are made of (scripts/contract), so an event that
passes satisfies its schema. Compiled once a class; called by `Transaction.emit`.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from shared.events.base import Event

Accepts = Callable[[object], bool]
_COMPILED: dict[str, tuple[tuple[str, Accepts], ...]] = {}  # by the type of the event


def check(event: Event) -> None:
    """Nothing when every field has its type; TypeError names the event, the field and the type."""
    compiled = _COMPILED.get(event.type)
    if compiled is None:
        compiled = _COMPILED[event.type] = _compile(type(event))
    for name, accepts in compiled:
        value = getattr(event, name)  # the name is a field of this very class
        if not accepts(value):
            raise TypeError(f"{event.type}: {name} cannot be {type(value).__name__} {value!r:.100}")


def _compile(cls: type[Event]) -> tuple[tuple[str, Accepts], ...]:
    hints = get_type_hints(cls)
    return tuple((field.name, _accepts(hints[field.name])) for field in fields(cls))


def _accepts(hint: Any) -> Accepts:  # annotations have no common type
    if hint is Any:
        return lambda _: True
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        choices = [_accepts(arg) for arg in args]
        return lambda value: any(accepts(value) for accepts in choices)
    if origin is tuple and args[1:] == (...,):
        member = _accepts(args[0])
        return lambda value: isinstance(value, tuple | list) and all(map(member, value))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, item = _accepts(args[0]), _accepts(args[1])
        return lambda value: (
            isinstance(value, Mapping) and all(key(name) and item(found) for name, found in value.items())
        )
    if not isinstance(hint, type):
        raise TypeError(f"an event cannot have a field of type {hint!r}; see shared/events/check.py")
    if hint is int:  # of which bool is a kind
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    return lambda value: isinstance(value, hint)
