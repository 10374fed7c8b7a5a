"""compose.yaml against the schema of Compose, against versions.yaml, and against what it starts."""

import json
import re
import shlex
from importlib.resources import files

import check_jsonschema
import jsonschema
import pytest
import yaml

from scripts.bootstrap import PROJECT
from scripts.local.run import options

VERSIONS = yaml.safe_load((PROJECT / "versions.yaml").read_text())
VENDORED = files(check_jsonschema) / "builtin_schemas/vendor"
SCHEMA = json.loads((VENDORED / "compose-spec.json").read_text())


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((PROJECT / "compose.yaml").read_text())


def stages():
    return set(re.findall(r"^FROM .* AS (\w+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE))


def test_it_keeps_to_the_schema(compose):
    jsonschema.Draft202012Validator(SCHEMA).validate(compose)


def test_the_schema_refuses_a_word_that_it_does_not_know(compose):
    compose = json.loads(json.dumps(compose))
    compose["services"]["platform"]["dependson"] = ["kafka"]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(compose)


def test_images_are_those_of_versions_yaml_and_the_rest_is_built(compose):
    services = compose["services"]

    assert services["postgres"]["image"] == VERSIONS["images"]["postgresql"]
    assert services["kafka"]["image"] == VERSIONS["images"]["kafka"]
    assert VERSIONS["images"]["postgresql"].startswith(f"postgres:{VERSIONS['postgresql']}.")
    assert VERSIONS["images"]["kafka"].startswith(f"apache/kafka:{VERSIONS['kafka']}@sha256:")
    assert "image" not in services["platform"]
    assert services["platform"]["build"]["target"] in stages()


def test_the_command_is_one_that_scripts_run_takes(compose):
    program, *arguments = compose["services"]["platform"]["command"]
    given = options([re.sub(r"\$\{\w+:-(\w+)\}", r"\1", argument) for argument in arguments])

    assert program == "scripts/run"
    assert (PROJECT / program).stat().st_mode & 0o111
    assert (given.listen, given.kafka) == ("0.0.0.0", "kafka:9092")
    assert given.database == "postgresql://postgres:local@postgres:5432/postgres"
    assert (
        compose["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD:-local}"
    )


def test_what_is_waited_for_says_when_it_is_ready(compose):
    services = compose["services"]
    for service in services.values():
        assert "healthcheck" in service
        for name, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_healthy"
            assert name in services


def test_only_this_machine_reaches_it(compose):
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}

    assert ports.pop("platform") == ["127.0.0.1:8080:8080", "127.0.0.1:8082:8082"]
    assert not any(ports.values())


def test_the_platform_has_no_rights_and_a_read_only_root(compose):
    platform = compose["services"]["platform"]

    assert platform["read_only"] is True
    assert platform["cap_drop"] == ["ALL"]
    assert platform["security_opt"] == ["no-new-privileges:true"]
    assert platform["tmpfs"] == ["/tmp"]


def test_every_volume_is_declared_and_used(compose):
    used = {
        text.split(":")[0] for service in compose["services"].values() for text in service.get("volumes", [])
    }

    assert used == set(compose["volumes"])


def test_kafka_names_every_listener_it_has(compose):
    env = compose["services"]["kafka"]["environment"]
    listeners = {item.split("://")[0] for item in env["KAFKA_LISTENERS"].split(",")}
    mapped = {item.split(":")[0] for item in env["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")}

    assert listeners == mapped
    assert env["KAFKA_CONTROLLER_LISTENER_NAMES"] in listeners
    assert env["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_the_documents_commands_exist(compose):
    text = (PROJECT / "docs/compose.md").read_text()
    for line in re.findall(r"^docker compose (.*)$", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        if words[0] == "exec":
            service, program = [word for word in words[1:] if not word.startswith("-")][:2]
            assert service in compose["services"]
            assert not program.startswith("scripts/") or (PROJECT / program).exists()
