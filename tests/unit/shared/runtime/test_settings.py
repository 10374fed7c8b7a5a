"""The environment is read once, completely and without showing secrets."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.messaging.security import OPEN, Security
from shared.runtime.parsers import between
from shared.runtime.settings import BadSettings, Runner, get_secret, kafka_security, load, secret, setting


@dataclass(frozen=True, kw_only=True)
class Example:
    database_url: str = secret(help="DSN of the role api")
    kafka: str = setting()
    threads: int = setting(default=8, parse=between(1, 64))
    ratio: float = setting(default=0.5)
    loopback: bool = setting(default=False)
    origins: tuple[str, ...] = setting(default=())


GOOD = {"DATABASE_URL": "postgresql://u:password-canary@h/db", "KAFKA": "k:9092"}


def test_defaults_and_types():
    found = load(
        Example,
        GOOD | {"THREADS": "3", "RATIO": "1.5", "LOOPBACK": "True", "ORIGINS": "https://a, https://b,"},
    )
    assert (found.threads, found.ratio, found.loopback) == (3, 1.5, True)
    assert found.origins == ("https://a", "https://b")
    assert load(Example, GOOD) == Example(database_url=GOOD["DATABASE_URL"], kafka="k:9092")


def test_every_problem_is_named_at_once_without_values():
    with pytest.raises(BadSettings) as bad:
        load(Example, {"KAFKA": "", "THREADS": "canary", "RATIO": "canary", "LOOPBACK": "canary"})
    lines = str(bad.value).splitlines()[1:]
    assert [line.strip().split(":")[0] for line in lines] == [
        "DATABASE_URL",
        "KAFKA",
        "THREADS",
        "RATIO",
        "LOOPBACK",
    ]
    assert "DSN of the role api" in lines[0]
    assert "canary" not in str(bad.value)
    assert isinstance(bad.value, SystemExit)


@pytest.mark.parametrize("value", ["0", "-1", "65", "1_0", "\u0668", "1e1"])
def test_counts_have_limits(value):
    with pytest.raises(BadSettings, match=r"THREADS: must be (at least 1|a whole number)"):
        load(Example, GOOD | {"THREADS": value})


def test_secrets_never_show():
    assert "canary" not in repr(load(Example, GOOD))


def test_a_mounted_secret_wins(tmp_path: Path):
    (tmp_path / "DATABASE_URL").write_text("from-the-file\n")
    environ = GOOD | {"SECRETS_DIR": str(tmp_path)}
    assert load(Example, environ).database_url == "from-the-file"
    assert (
        get_secret("OTHER_SECRET", environ | {"OTHER_SECRET": "from-the-environment"})
        == "from-the-environment"
    )
    assert get_secret("ABSENT", environ) is None


def test_the_runner_needs_a_function():
    with pytest.raises(BadSettings) as bad:
        load(Runner, {})
    assert "FUNCTION_TARGET" in str(bad.value)
    assert "FUNCTION_SOURCE" in str(bad.value)


def test_a_mounted_secret_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "DATABASE_URL").write_bytes(b"canary\xff")
    with pytest.raises(BadSettings, match="DATABASE_URL: its file in SECRETS_DIR") as bad:
        load(Example, GOOD | {"SECRETS_DIR": str(tmp_path)})
    assert "canary" not in str(bad.value)


LOGIN = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_USER": "me", "KAFKA_PASSWORD": "canary"}


def test_a_broker_that_asks_for_nothing_needs_no_variable():
    assert kafka_security({}) == OPEN


def test_a_broker_that_asks_is_told_what_the_variables_say():
    pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
    given = LOGIN | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256", "KAFKA_CA": pem}

    assert kafka_security(given) == Security("SASL_SSL", "SCRAM-SHA-256", "me", "canary", pem)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SSL"}, "KAFKA_SECURITY_PROTOCOL: must be one of PLAINTEXT"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM: must be one of SCRAM-SHA-256"),
        ({"KAFKA_USER": ""}, "KAFKA_USER: missing"),
        ({"KAFKA_PASSWORD": ""}, "KAFKA_PASSWORD: missing"),
        ({"KAFKA_CA": "canary"}, "KAFKA_CA: must be PEM certificates"),
    ],
)
def test_half_an_identity_does_not_start(change, complaint):
    with pytest.raises(BadSettings, match=complaint) as bad:
        kafka_security(LOGIN | change)
    assert "canary" not in str(bad.value)
