"""A Service, its function's code, its Settings, its func.yaml and its ticks name the same things."""

import inspect
import json
import re
from pathlib import Path

import pytest
import yaml

from scripts.local.model import SecretRef
from shared.runtime.asgi import MAX_STREAMS
from shared.runtime.transport import MAX_CONNECTIONS

RUNNER = {"FUNCTION_SOURCE", "FUNCTION_TARGET", "THREADS", "DRAIN_SECONDS", "LOG_LEVEL"}
PUBLIC = {"tasks", "updates"}
STREAMS = {"updates"}  # ASGI: a waiting stream holds no thread
NAMES = sorted(p.stem for p in Path(__file__).resolve().parents[3].glob("knative/*.yaml"))


def env_of(wired, name):
    return dict(wired.services[name].env)


def container(service):
    (only,) = service["spec"]["template"]["spec"]["containers"]
    return only


def test_functions_and_services_are_the_same(functions, wired):
    assert functions == sorted(wired.services)


def test_every_subscriber_has_a_service(wired, project):
    subscribers = {f.sink.name for f in wired.feeds} | {t.sink.name for t in wired.ticks.values()}

    assert subscribers <= set(wired.services)
    assert all((project / f"knative/{name}.yaml").is_file() for name in subscribers)


def test_every_event_function_is_woken_by_something(wired):
    woken = {f.sink.name for f in wired.feeds} | {t.sink.name for t in wired.ticks.values()}

    assert set(wired.services) - woken == {"tasks"}


def test_only_the_public_functions_are_reachable_from_outside(wired):
    assert {name for name, service in wired.services.items() if service.public} == PUBLIC


@pytest.mark.parametrize("name", NAMES)
def test_the_target_exists(wired, project, name):
    env = env_of(wired, name)
    source = project / env["FUNCTION_SOURCE"]

    assert env["FUNCTION_SOURCE"] == f"functions/{name}/main.py"
    assert env["FUNCTION_TARGET"] == name
    assert re.search(rf"^@functions_framework\S+\n(async )?def {name}\(", source.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_is_what_the_settings_read(wired, settings_of, name):
    assert set(env_of(wired, name)) == RUNNER | set(settings_of[name])


@pytest.mark.parametrize("name", NAMES)
def test_secrets_come_from_secrets_and_nothing_else_does(wired, settings_of, name):
    for variable, field in settings_of[name].items():
        given = env_of(wired, name)[variable]
        assert isinstance(given, SecretRef) == bool(field.metadata.get("secret")), variable


@pytest.mark.parametrize("name", NAMES)
def test_the_database_role_is_the_one_the_code_was_written_for(wired, settings_of, name):
    for variable, field in settings_of[name].items():
        if variable.endswith("DATABASE_URL"):
            (role,) = re.findall(r"`(\w+)`", field.metadata["help"])
            assert env_of(wired, name)[variable] == SecretRef("taskflow-database", role)


@pytest.mark.parametrize("name", NAMES)
def test_plain_values_are_accepted_by_the_settings(wired, settings_of, name):
    for variable, field in settings_of[name].items():
        given = env_of(wired, name)[variable]
        parse = field.metadata.get("parse")
        if isinstance(given, str) and parse is not None:
            parse(given)


@pytest.mark.parametrize("name", NAMES)
def test_places_for_arriving_requests_are_far_more_than_threads(wired, services, name):
    """A half-sent request has a place in queue-proxy and no thread, until the runner refuses it."""
    threads = int(env_of(wired, name)["THREADS"])
    limit = services[name]["spec"]["template"]["spec"]["containerConcurrency"]

    assert threads >= 1
    assert limit >= 20 * threads
    assert limit < MAX_CONNECTIONS, "the process must hold whatever queue-proxy sends, and idle connections"
    if name in STREAMS:
        assert limit <= MAX_STREAMS


@pytest.mark.parametrize("name", sorted(set(NAMES) - STREAMS))
def test_threads_decide_when_another_pod_starts(wired, services, name):
    annotations = services[name]["spec"]["template"]["metadata"]["annotations"]

    assert annotations["autoscaling.knative.dev/target"] == env_of(wired, name)["THREADS"]


def test_every_main_is_wiring_only(project, functions):
    for name in functions:
        lines = (project / f"functions/{name}/main.py").read_text().splitlines()
        assert len(lines) <= 45, f"functions/{name}/main.py holds more than settings, wiring and the target"


@pytest.mark.parametrize("name", NAMES)
def test_func_yaml_agrees_with_the_manifest(project, wired, services, name):
    func = yaml.safe_load((project / f"functions/{name}/func.yaml").read_text())
    template, box = services[name]["spec"]["template"], container(services[name])
    annotations = template["metadata"]["annotations"]
    options = func["deploy"]["options"]

    assert (func["name"], func["namespace"]) == (name, services[name]["metadata"]["namespace"])
    assert func["image"] == box["image"]
    assert [(e["name"], e["value"]) for e in func["run"]["envs"]] == [
        (key, f"{{{{ secret:{v.name}:{v.key} }}}}" if isinstance(v, SecretRef) else v)
        for key, v in wired.services[name].env
    ]
    assert str(options["scale"]["min"]) == annotations["autoscaling.knative.dev/min-scale"]
    assert str(options["scale"]["max"]) == annotations["autoscaling.knative.dev/max-scale"]
    assert str(options["scale"].get("target", "")) == annotations.get("autoscaling.knative.dev/target", "")
    assert {label["key"]: label["value"] for label in func["deploy"].get("labels", [])} == {
        key: value
        for key, value in services[name]["metadata"]["labels"].items()
        if key == "networking.knative.dev/visibility"  # func would make it public
    }
    assert options["resources"]["requests"] == box["resources"]["requests"]
    assert options["resources"]["limits"] == {
        **box["resources"]["limits"],
        "concurrency": template["spec"]["containerConcurrency"],
    }
    assert func["deploy"]["healthEndpoints"] == {
        "liveness": box["livenessProbe"]["httpGet"]["path"],
        "readiness": box["readinessProbe"]["httpGet"]["path"],
    }
    assert func["deploy"]["annotations"] == {k: v for k, v in annotations.items() if k.startswith("dapr.io/")}


@pytest.mark.parametrize("name", NAMES)
def test_func_yaml_has_what_kn_demands(project, name):
    func = yaml.safe_load((project / f"functions/{name}/func.yaml").read_text())
    versions = yaml.safe_load((project / "versions.yaml").read_text())

    assert func["specVersion"] == versions["knative"]["func-schema"]
    assert func["created"]
    assert func["runtime"] == "python"
    assert func["invoke"] == ("http" if name in PUBLIC else "cloudevent")
    assert json.dumps(func, default=str).count("@sha256:") == 1


def test_the_root_func_yaml_is_that_of_tasks(project):
    root, own = ((project / path).read_text() for path in ("func.yaml", "functions/tasks/func.yaml"))

    assert yaml.safe_load(root) == yaml.safe_load(own)


def test_settings_name_a_help_for_every_required_variable(settings_of):
    for name, variables in settings_of.items():
        for variable, field in variables.items():
            assert field.metadata.get("help"), (
                f"{name}: {variable} needs help= for the message at a failed start"
            )


def test_the_adapter_is_the_only_way_in(project, functions):
    for name in functions:
        text = (project / f"functions/{name}/main.py").read_text()
        assert "cloud_event" not in text, f"functions/{name}: raw @cloud_event answers 405 to probes"
        assert inspect.cleandoc(text).startswith('"""')
