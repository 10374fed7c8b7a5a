"""What a setting may be, and that a refusal says what it must be without saying what it was."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from shared.runtime import parsers

GOOD = {
    parsers.dsn: [
        "postgresql://api:p%40ss@db.example:5432/taskflow?sslmode=require",
        "postgres://api@db/taskflow",
        "postgresql://api:x@/taskflow?host=%2Ftmp%2Fsockets",
        "postgresql://api:x@[::1]:5433/taskflow?prepare_threshold=none",
        "postgresql://a@h1:1,h2:2/taskflow?prepare_threshold=0",
        "postgresql:///taskflow",
        "host=/tmp port=5432 dbname=taskflow user=api password='a b' prepare_threshold=none",
    ],
    parsers.bootstrap_servers: [
        "kafka:9092",
        "a.b.svc.cluster.local:9092,10.0.0.1:9093,[::1]:9094",
        "http://127.0.0.1:8081",
    ],
    parsers.url: [
        "https://todo.example.com/api/auth/jwks",
        "http://127.0.0.1:8081/jwks?x=1",
        "http://[::1]/",
    ],
    parsers.text: ["https://todo.example.com", "todo", "urn:todo"],
    parsers.level: ["INFO", "debug"],
    parsers.seconds: ["0", "0.5", "600"],
}
BAD = {
    parsers.dsn: [
        "canary",
        "mysql://canary@h/db",
        "postgresql://canary@h",
        "postgresql://canary@h:port/db",
        "postgresql://canary@h:70000/db",
        "postgresql://u@h/db?prepare_threshold=canary",
        "postgresql://u@h/db?canary",
        "postgresql://u@h/db canary",
        "host=canary user=x",
        "dbname=taskflow canary",
        "dbname=taskflow port=canary",
    ],
    parsers.bootstrap_servers: ["canary", "canary:", ":9092", "a:1,,b:2", "a:1, b:2", "a:99999", "ftp://canary:1"],
    parsers.url: ["canary", "//canary/x", "ftp://canary/x", "https://", "https://canary:x/", "https://u:canary@h/",
                  "https://h/canary#f", "https://h/ca nary", " https://canary"],
    parsers.text: ["can ary", "canary\n", "canäry", "c" * 256],
    parsers.level: ["canary", "INFO "],
    parsers.seconds: ["nan", "inf", "-1", "601", "canary", "1e2"],
}  # fmt: skip
ORIGINS = ["https://todo.example.com", "http://localhost:3000", "https://[::1]:8443"]
NO_ORIGINS = [
    "*",
    "null",
    "https://todo.example.com/",
    "https://Todo.example.com",
    "https://todo.example.com:443",
    "todo.example.com",
    "https://a/path",
    "https://u@a",
    "https://a?x",
    "chrome-extension://abc",
]


@pytest.mark.parametrize(("parse", "raw"), [(parse, raw) for parse, found in GOOD.items() for raw in found])
def test_it_is_accepted(parse, raw):
    assert str(parse(raw)).lower() == (str(float(raw)) if parse is parsers.seconds else raw.lower())


@pytest.mark.parametrize(("parse", "raw"), [(parse, raw) for parse, found in BAD.items() for raw in found])
def test_it_is_refused_without_showing_it(parse, raw):
    with pytest.raises(ValueError, match="must ") as refused:
        parse(raw)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("raw", GOOD[parsers.dsn])
def test_what_is_accepted_as_a_dsn_is_one_for_libpq(raw):
    cleaned = raw.replace("?prepare_threshold=none", "").replace("?prepare_threshold=0", "")
    found = conninfo_to_dict(cleaned.replace(" prepare_threshold=none", ""))
    assert found["dbname"] == "taskflow"


@pytest.mark.parametrize("raw", ORIGINS)
def test_an_origin_is_what_a_browser_sends(raw):
    assert parsers.origins(f"{raw}, https://other.example,") == (raw, "https://other.example")


@pytest.mark.parametrize("raw", NO_ORIGINS)
def test_what_no_browser_sends_is_no_origin(raw):
    with pytest.raises(ValueError, match="must be origins"):
        parsers.origins(f"https://good.example,{raw}")
