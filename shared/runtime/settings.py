"""Reads the environment into frozen dataclasses, once, at start. Called by the `settings.py` of every
function.

A process with a bad environment ends at its start, with one line for every variable that is missing or wrong.
"""

import os
import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from shared.messaging.security import MECHANISMS, PROTOCOLS, Security
from shared.runtime import parsers
from shared.runtime.logging import conceal

T = TypeVar("T")


class BadSettings(SystemExit):
    """The environment does not describe a working process; the message lists every problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = problems
        super().__init__("cannot start, fix these environment variables:\n  " + "\n  ".join(problems))


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
    """An instance of the frozen dataclass `cls` from the environment; raises BadSettings.

    >>> @dataclass(frozen=True)
    ... class Settings:
    ...     database_url: str = secret(parse=parsers.dsn, help="role api")
    ...     batch: int = setting(default=500, parse=parsers.between(1, 1000))
    >>> load(Settings, {"DATABASE_URL": "postgresql://api@db/tasks", "BATCH": "100"}).batch
    100
    >>> load(Settings, {"BATCH": "0"})
    Traceback (most recent call last):
    shared.runtime.settings.BadSettings: cannot start, fix these environment variables:
      DATABASE_URL: missing (role api)
      BATCH: must be at least 1 and at most 1000
    """
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
        raise BadSettings(problems)
    return cls(**values)


def get_secret(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The secret `name`: the file ${SECRETS_DIR}/NAME, else the variable NAME, else None."""
    directory = environ.get("SECRETS_DIR")
    path = Path(directory, name) if directory else None
    value = _mounted(path) if path is not None and path.is_file() else environ.get(name)
    if value:
        conceal(value)
    return value or None


def _mounted(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("its file in SECRETS_DIR must be readable UTF-8") from None


def _read(f: Field[Any], kind: Any, environ: Mapping[str, str]) -> Any:
    name = f.name.upper()
    raw = get_secret(name, environ) if f.metadata.get("secret") else environ.get(name)
    if raw is None or raw == "":
        return MISSING
    parse = f.metadata.get("parse") or _PARSERS[kind]
    return parse(raw)


def _hint(f: Field[Any]) -> str:
    text = f.metadata.get("help")
    return f" ({text})" if text else ""


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: parsers.text,
    int: parsers.integer,
    float: parsers.number,
    bool: parsers.boolean,
    tuple[str, ...]: parsers.texts,
}


_threads = parsers.between(1, 64)


@dataclass(frozen=True, kw_only=True)
class Runner:
    """The settings of `serve`, the same for every function."""

    function_target: str = setting(help="name of the function, e.g. tasks")
    function_source: str = setting(parse=parsers.source_file, help="its file, e.g. functions/tasks/main.py")
    host: str = setting(default="0.0.0.0", help="address to listen on")  # noqa: S104  # a container must listen on every interface
    port: int = setting(default=8080, parse=parsers.between(0, 65535), help="port to listen on")
    threads: int = setting(default=8, parse=_threads, help="requests at work at once")
    drain_seconds: float = setting(
        default=5.0, parse=parsers.seconds, help="how long to accept requests after SIGTERM"
    )
    log_level: str = setting(default="INFO", parse=parsers.level, help="DEBUG, INFO, WARNING or ERROR")


@dataclass(frozen=True, kw_only=True)
class Process:
    """The part of Runner that also exists under plain functions-framework, plus test hooks."""

    function_target: str = setting(default="taskflow")
    threads: int = setting(default=8, parse=_threads)
    log_level: str = setting(default="INFO", parse=parsers.level, help="DEBUG, INFO, WARNING or ERROR")
    failpoints: str = setting(default="", help="crash points of tests, see shared/runtime/failpoints.py")


@dataclass(frozen=True, kw_only=True)
class KafkaAccess:
    """How a function that publishes proves who it is, where the broker asks."""

    kafka_security_protocol: str = setting(
        default="PLAINTEXT", parse=parsers.one_of(PROTOCOLS), help=", ".join(PROTOCOLS)
    )
    kafka_sasl_mechanism: str = setting(
        default="SCRAM-SHA-512", parse=parsers.one_of(MECHANISMS), help=", ".join(MECHANISMS)
    )
    kafka_user: str = secret(default="", help="required with SASL")
    kafka_password: str = secret(default="", help="required with SASL")
    kafka_ca: str = secret(
        default="",
        parse=parsers.certificates,
        help="the broker's own authority (PEM); empty: the public ones",
    )


def kafka_security(environ: Mapping[str, str] = os.environ) -> Security:
    """What the variables of KafkaAccess say; raises BadSettings."""
    given = load(KafkaAccess, environ)
    if given.kafka_security_protocol != "PLAINTEXT":
        needed = {"KAFKA_USER": given.kafka_user, "KAFKA_PASSWORD": given.kafka_password}
        if missing := [name for name, value in needed.items() if not value]:
            raise BadSettings([f"{name}: missing (required with SASL)" for name in missing])
    return Security(
        given.kafka_security_protocol,
        given.kafka_sasl_mechanism,
        given.kafka_user,
        given.kafka_password,
        given.kafka_ca,
    )


def load_runner() -> Runner:
    """The Runner settings; BadSettings also names the problems of the function's own settings."""
    try:
        return load(Runner)
    except BadSettings as bad:
        raise BadSettings([*bad.problems, *_of_the_function(os.environ.get("FUNCTION_SOURCE"))]) from None


def _of_the_function(source: str | None) -> Sequence[str]:
    """The problems of `settings.py` beside the function, whose `main.py` cannot be loaded yet."""
    beside = Path(source).with_name("settings.py") if source else None
    if beside is None or not beside.is_file():
        return ()
    try:
        load(runpy.run_path(str(beside))["Settings"])
    except BadSettings as bad:
        return bad.problems
    return ()
