"""Whether the JSON of an event has the types that its class declares. Called by `runtime.received` for every
delivery, and for every event that is made by `Transaction.emit`, before it gets to the outbox.

The checks are made from the annotations at the first event of a class. A test compares them with the
published schemas.
"""

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from shared.events.base import Event

Check = Callable[[object], bool]
Rules = tuple[tuple[str, bool, Check], ...]  # field, whether it must be there, what it must satisfy

MAX_USER_ID = 255  # characters, as of a token's subject
ACTOR_KINDS = ("user", "token", "function", "assistant")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def checked_data(event: Event) -> dict[str, Any]:
    """The data of `event`; TypeError, naming the event and the field, if it has a value of a wrong type."""
    data = event.data()
    wrong = wrong_member(type(event), data)
    if wrong is not None:
        raise TypeError(f"{event.type}: {wrong} cannot be {data.get(wrong)!r:.100}")
    return data


def wrong_member(cls: Any, data: Mapping[str, Any]) -> str | None:
    """The first member of the decoded JSON that is absent or has a wrong type for `cls`; None if all fit.

    >>> from shared.events.reminder import ReminderDue
    >>> wrong_member(ReminderDue, {"event_id": "not a UUID"})
    'event_id'
    """
    for name, required, check in _rules(cls):
        if name not in data:
            if required:
                return name
        elif not check(data[name]):
            return name
    return None


@cache
def _rules(cls: Any) -> Rules:
    hints = get_type_hints(cls)
    own = [f for f in fields(cls) if not f.metadata.get("extension")]
    return tuple(
        (
            f.name,
            f.default is MISSING and f.default_factory is MISSING,
            _SHAPES.get(f.name) or _check(hints[f.name]),
        )
        for f in own
    )


def _check(annotation: Any) -> Check:
    """The check of one annotation. Only those that our events use are known; another one is a KeyError."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        options = tuple(_check(option) for option in arguments)
        return lambda value: any(option(value) for option in options)
    if origin is tuple:
        item = _check(arguments[0])
        return lambda value: isinstance(value, list) and all(map(item, value))
    if origin is not None and issubclass(origin, Mapping):
        item = _check(arguments[1])
        return lambda value: isinstance(value, Mapping) and all(map(item, value.values()))
    return _JSON[annotation]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\x00" not in value


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_uuid_text(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_instant_text(value: object) -> bool:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or no such year in UTC
        return False
    return True


def _is_actor(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    who = value.get("id")
    return value.get("kind") in ACTOR_KINDS and _is_text(who) and who != ""


def _are_changes(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(change, Mapping) and "from" in change and "to" in change for change in value.values()
    )


def _is_user(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_USER_ID and "\x00" not in value


_JSON: Mapping[Any, Check] = {
    str: _is_text,
    int: _is_int,
    bool: lambda value: isinstance(value, bool),
    UUID: _is_uuid_text,
    datetime: _is_instant_text,
    types.NoneType: lambda value: value is None,
    Any: lambda _value: True,
}
# What an annotation cannot say.
_SHAPES: Mapping[str, Check] = {"actor": _is_actor, "changes": _are_changes, "user_id": _is_user}
