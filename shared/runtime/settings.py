"""Reads the environment into frozen dataclasses, once, at start; every `settings.py` goes through here.

A bad deployment dies at boot with one line for every variable that is missing or wrong.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from shared.runtime.logging import conceal

T = TypeVar("T")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


class BadSettings(SystemExit):
    """The environment does not describe a working process; the message lists every problem."""


def setting(
    *,
    default: Any = MISSING,
    parse: Callable[[str], Any] | None = None,
    help: str = "",  # noqa: A002  # as argparse calls it
) -> Any:  # Any: stands for the field's own type, as dataclasses.field does
    """A plain variable, named like the field in upper case."""
    return field(default=default, metadata={"parse": parse, "help": help})


def secret(
    *,
    default: Any = MISSING,
    parse: Callable[[str], Any] | None = None,
    help: str = "",  # noqa: A002  # as argparse calls it
) -> Any:  # Any: as setting
    """A variable that may also be a mounted file; it never shows in a repr or in a log line."""
    return field(default=default, repr=False, metadata={"parse": parse, "help": help, "secret": True})


def load(cls: type[T], environ: Mapping[str, str] = os.environ) -> T:
    """An instance of the frozen dataclass `cls` from the environment; raises BadSettings."""
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for f in fields(cls):  # type: ignore[arg-type]  # T is a dataclass by contract
        try:
            found = _read(f, hints[f.name], environ)
        except ValueError as error:
            problems.append(f"{f.name.upper()}: {error}{_hint(f)}")
            continue
        if found is not MISSING:
            values[f.name] = found
        elif f.default is MISSING and f.default_factory is MISSING:
            problems.append(f"{f.name.upper()}: missing{_hint(f)}")
    if problems:
        raise BadSettings("cannot start, fix these environment variables:\n  " + "\n  ".join(problems))
    return cls(**values)


def get_secret(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The secret `name`: the file ${SECRETS_DIR}/NAME, else the variable NAME, else None."""
    directory = environ.get("SECRETS_DIR")
    path = Path(directory, name) if directory else None
    value = path.read_text().strip() if path is not None and path.is_file() else environ.get(name)
    if value:
        conceal(value)
    return value or None


def _read(f: Field[Any], kind: Any, environ: Mapping[str, str]) -> Any:
    name = f.name.upper()
    raw = get_secret(name, environ) if f.metadata.get("secret") else environ.get(name)
    if raw is None or raw == "":
        return MISSING
    parse = f.metadata.get("parse") or _PARSERS.get(kind, str)
    return parse(raw)


def _hint(f: Field[Any]) -> str:
    text = f.metadata.get("help")
    return f" ({text})" if text else ""


def _integer(raw: str) -> int:
    try:
        return int(raw)
    except ValueError:
        raise ValueError("must be a whole number") from None


def _number(raw: str) -> float:
    try:
        return float(raw)
    except ValueError:
        raise ValueError("must be a number") from None


def _boolean(raw: str) -> bool:
    word = raw.strip().lower()
    if word not in (*_TRUE, *_FALSE):
        raise ValueError("must be true or false")
    return word in _TRUE


def _texts(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


_PARSERS: dict[Any, Callable[[str], Any]] = {
    int: _integer,
    float: _number,
    bool: _boolean,
    tuple[str, ...]: _texts,
}


def positive(raw: str) -> int:
    """Parser for counts: a whole number above zero."""
    value = _integer(raw)
    if value < 1:
        raise ValueError("must be at least 1")
    return value


@dataclass(frozen=True, kw_only=True)
class Runner:
    """What every function's process needs, whichever function it serves."""

    function_target: str = setting(help="name of the function, e.g. tasks")
    function_source: str = setting(help="its file, e.g. functions/tasks/main.py")
    host: str = setting(default="0.0.0.0")  # noqa: S104  # a container must listen on every interface
    port: int = setting(default=8080)
    threads: int = setting(
        default=8, parse=positive, help="requests at work at once; the database pool follows"
    )
    drain_seconds: float = setting(default=5.0, help="how long to accept requests after SIGTERM")
    log_level: str = setting(default="INFO")


@dataclass(frozen=True, kw_only=True)
class Process:
    """The part of Runner that also exists under plain functions-framework, plus test hooks."""

    function_target: str = setting(default="taskflow")
    threads: int = setting(default=8, parse=positive)
    log_level: str = setting(default="INFO")
    failpoints: str = setting(default="", help="crash points of tests, see shared/runtime/failpoints.py")
