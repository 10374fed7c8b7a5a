"""Log lines are JSON, carry context, and never a secret, a payload or a user id."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from shared.runtime import logging as ours
from shared.runtime.logging import bind, conceal, configure, get_logger, user_hash

log = get_logger("shared.example")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, set(ours._secrets))
    levels = {name: logging.getLogger(name).level for name in ("shared", "functions", "kafka")}
    stream = io.StringIO()
    configure(service="tasks", level="DEBUG", stream=stream)
    yield stream
    root.handlers[:], ours._secrets = before[0], before[2]
    root.setLevel(before[1])
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _last(stream: io.StringIO) -> dict:
    return json.loads(stream.getvalue().splitlines()[-1])


def test_one_line_of_json_with_fields(lines):
    log.info("task created", task_id="t1", absent=None)
    line = _last(lines)
    assert (line["message"], line["task_id"], line["level"], line["service"]) == (
        "task created",
        "t1",
        "info",
        "tasks",
    )
    assert line["time"].endswith("Z")
    assert "absent" not in line


def test_context_is_bound_and_released(lines):
    with bind(ce_id="e1"), bind(trace="x"):
        log.info("inside")
        assert (_last(lines)["ce_id"], _last(lines)["trace"]) == ("e1", "x")
    log.info("outside")
    assert "ce_id" not in _last(lines)


def test_user_ids_become_hashes(lines):
    with bind(user_id="alice"):
        log.info("done")
    assert _last(lines)["user"] == user_hash("alice")
    assert "alice" not in lines.getvalue()


def test_text_stays_on_one_line(lines):
    log.info("odd", value="a\nb\u2028\ud800")
    assert len(lines.getvalue().splitlines()) >= 1
    assert lines.getvalue().count("\n") == 1


def test_canaries_never_reach_the_log_at_debug(lines):
    conceal("secret-canary-1")
    log.debug("connecting", dsn="postgresql://u:secret-canary-1@h/db")
    try:
        try:
            int("payload-canary-2")
        except ValueError as error:
            raise RuntimeError('bad value "payload-canary-3"\nDETAIL: payload-canary-4') from error
    except RuntimeError:
        log.exception("failed")
    log.failure("failed", KeyError("payload-canary-5"))
    log.failure("failed", ValueError("Key (title)=(payload-canary-6) already exists."))
    logging.getLogger("kafka.producer").debug("Sending %s", "payload-canary-7")
    logging.getLogger("kafka.producer").error("Failed %s", "payload-canary-8")
    logging.getLogger("urllib3").info("GET %s", "payload-canary-9")
    assert "canary" not in lines.getvalue()
    assert any(
        "test_logging.py" in frame
        for line in lines.getvalue().splitlines()
        for frame in json.loads(line).get("exception", [])
    )


def test_short_values_are_not_concealed(lines):
    conceal("on")
    log.info("function is on")
    assert "function is on" in lines.getvalue()


def test_levels(lines):
    configure(service="tasks", level="warning", stream=lines)
    log.debug("no")
    log.info("no")
    log.warning("yes")
    log.error("yes")
    assert [json.loads(line)["message"] for line in lines.getvalue().splitlines()] == ["yes", "yes"]


def test_stderr_is_the_default(lines):
    configure(service="tasks")
    assert logging.getLogger().handlers[-1].stream is sys.stderr
