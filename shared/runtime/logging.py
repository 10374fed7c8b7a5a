"""JSON lines on stderr: a constant message, the data in fields. Every module logs through `get_logger`.

Payloads are never logged: exception texts lose their quoted values, `user_id` becomes a hash named `user`,
known secrets are masked, and libraries stay at WARNING because some log whole records at DEBUG.
"""

import contextlib
import contextvars
import hashlib
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TextIO

from shared.events.base import plain

_OURS = ("shared", "functions", "scripts", "__main__", "main")
_context: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar(
    "log_fields", default=MappingProxyType({})
)
_secrets: set[str] = set()
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\([^()]*\)=\([^()]*\)")
_MAX_TEXT, _MIN_SECRET = 500, 8


class Logger:
    """A named logger whose methods take a constant message and fields.

    >>> import sys
    >>> configure(service="tasks", stream=sys.stdout)
    >>> with bind(request_id="req-1"):
    ...     Logger("shared.example").info("request served", status=200, user_id="anna")
    {"time": ..., "message": "request served", "request_id": "req-1", "status": 200, "user": "..."}
    >>> configure(service="tests")
    """

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def debug(self, message: str, **fields: object) -> None:
        self._emit(logging.DEBUG, message, fields)

    def info(self, message: str, **fields: object) -> None:
        self._emit(logging.INFO, message, fields)

    def warning(self, message: str, **fields: object) -> None:
        self._emit(logging.WARNING, message, fields)

    def error(self, message: str, **fields: object) -> None:
        self._emit(logging.ERROR, message, fields)

    def exception(self, message: str, **fields: object) -> None:
        """Like error, with the exception being handled and its traceback."""
        self._emit(logging.ERROR, message, fields, sys.exception())

    def failure(self, message: str, error: BaseException, **fields: object) -> None:
        """Like exception, for an `error` that is passed along."""
        self._emit(logging.ERROR, message, fields, error)

    def _emit(
        self, level: int, message: str, fields: dict[str, object], error: BaseException | None = None
    ) -> None:
        if self._log.isEnabledFor(level):
            self._log.log(level, "%s", message, extra={"fields": fields}, exc_info=error)


def get_logger(name: str) -> Logger:
    """The logger of a module; `name` is its `__name__`."""
    return Logger(name)


@contextlib.contextmanager
def bind(**fields: object) -> Iterator[None]:
    """Adds `fields` to every line logged inside the block, in this thread or task."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def conceal(value: str) -> None:
    """Masks `value` in everything logged from now on (short values would mask ordinary words)."""
    if len(value) >= _MIN_SECRET:
        _secrets.add(value)


def configure(*, service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sends everything to `stream` (stderr) as JSON; calling it again replaces the former setup."""
    handler: logging.Handler = logging.StreamHandler(stream) if stream else _Stderr()
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    # A library's plain handler would print every line a second time; a test's recorder may stay.
    root.handlers = [h for h in root.handlers if type(h) not in (logging.StreamHandler, _Stderr)] + [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # retries several times a second, and says so
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a full queue is normal under load


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever sys.stderr is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # an attribute in the base class
        return sys.stderr


class JsonLines(logging.Formatter):
    """One record as one line of JSON."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": plain(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(_presentable({**_context.get(), **getattr(record, "fields", {})}))
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = describe(record.exc_info[1])
        text = json.dumps(line, default=str, ensure_ascii=False)
        for value in _secrets:
            text = text.replace(value, "***")
        return text.encode("utf-8", "backslashreplace").decode()


def describe(error: BaseException) -> list[str]:
    """The chain of `error`: type, text without values, and frames; outermost last."""
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(current.__traceback__)]
        lines[:0] = [*frames, f"{type(current).__name__}: {without_values(current)}"]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines


def without_values(error: BaseException) -> str:
    """The first line of an exception's text without quoted values: PostgreSQL and json quote input."""
    first = str(error).split("\n", 1)[0]
    return _VALUES.sub("…", first)[:_MAX_TEXT]


def user_hash(user_id: str) -> str:
    """The name of a user in logs: 12 hex digits of a hash, always the same for the same user."""
    return hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _presentable(fields: Mapping[str, Any]) -> dict[str, Any]:
    shown = {k: v for k, v in fields.items() if k != "user_id" and v is not None}
    if fields.get("user_id"):
        shown["user"] = user_hash(str(fields["user_id"]))
    return shown
