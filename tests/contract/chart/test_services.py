"""What each value does to the Knative Services, and what of the manifests stays as it is."""

import copy

import pytest
import yaml

from tests.contract.chart.rendered import PROFILES, PROJECT, of_kind, one, render

DEFAULT = PROFILES["default"]
NAMES = sorted(path.stem for path in PROJECT.glob("knative/*.yaml"))
PLACES = {"AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS_URL", "CORS_ALLOWED_ORIGINS", "KAFKA_BOOTSTRAP_SERVERS"}


def service(name="tasks", **sets):
    return one(render(*DEFAULT, **sets), "Service", name)


def box(found):
    return found["spec"]["template"]["spec"]["containers"][0]


def env(found):
    return {e["name"]: e.get("value") for e in box(found)["env"]}


def annotations(found):
    return found["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_its_manifest_but_for_what_belongs_to_the_installation(name):
    manifest = yaml.safe_load((PROJECT / f"knative/{name}.yaml").read_text())
    made = copy.deepcopy(service(name))

    template = made["spec"]["template"]
    assert template["metadata"].pop("name").startswith(f"{name}-")
    assert template["spec"].pop("serviceAccountName") == "taskflow-functions"
    assert annotations(made).pop("taskflow.io/secrets-generation") == "1"
    made["metadata"]["labels"] = {
        key: value
        for key, value in made["metadata"]["labels"].items()
        if key in manifest["metadata"]["labels"]
    }
    assert box(made).pop("image") != box(manifest).pop("image")
    for found in (made, manifest):
        box(found)["env"] = [e for e in box(found)["env"] if e["name"] not in PLACES]

    assert made == manifest


def test_the_name_of_a_revision_is_its_content():
    first, second = service(), service(**{"functions.tasks.maxScale": 9})
    again = service(
        **{"functions.tasks.maxScale": int(annotations(first)["autoscaling.knative.dev/max-scale"])}
    )
    names = [found["spec"]["template"]["metadata"]["name"] for found in (first, second, again)]

    assert names[0] == names[2] != names[1]
    assert all(len(name.removeprefix("tasks-")) == 8 for name in names)


def test_only_what_changed_gets_a_new_revision():
    before, after = (
        render(*DEFAULT),
        render(*DEFAULT, **{"functions.audit.logLevel": "DEBUG", "labels": {"a": "b"}}),
    )
    changed = {
        name for name in NAMES if one(before, "Service", name)["spec"] != one(after, "Service", name)["spec"]
    }

    assert changed == {"audit"}


def test_rotated_secrets_replace_every_pod():
    before, after = render(*DEFAULT), render(*DEFAULT, **{"secrets.generation": "2026-12"})

    for name in NAMES:
        revisions = {
            one(each, "Service", name)["spec"]["template"]["metadata"]["name"] for each in (before, after)
        }
        assert len(revisions) == 2, name


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ({"minScale": 1}, ("min-scale", "1")),
        ({"maxScale": 7}, ("max-scale", "7")),
        ({"window": "90s"}, ("window", "90s")),
        ({"scaleDownDelay": "2m"}, ("scale-down-delay", "2m")),
        ({"threads": 16}, ("target", "16")),
    ],
)
def test_scale_is_set_for_one_function(value, annotation):
    objects = render(*DEFAULT, **{"functions.tasks": value})
    key, expected = f"autoscaling.knative.dev/{annotation[0]}", annotation[1]

    assert annotations(one(objects, "Service", "tasks"))[key] == expected
    assert annotations(one(objects, "Service", "audit")).get(key) == annotations(service("audit")).get(key)


def test_threads_are_the_targets_and_the_variable():
    assert env(service(**{"functions.tasks.threads": 16}))["THREADS"] == "16"


def test_streams_hold_no_threads_and_get_no_target():
    """`updates` has no target: threads say nothing about how many streams it can hold."""
    found = service("updates", **{"functions.updates.threads": 6})

    assert env(found)["THREADS"] == "6"
    assert "autoscaling.knative.dev/target" not in annotations(found)


def test_variables_come_from_values():
    found = env(service(**{"logLevel": "WARNING", "functions.tasks.env": {"EXTRA": "1"}}))

    assert found["LOG_LEVEL"] == "WARNING"
    assert found["EXTRA"] == "1"
    assert found["AUTH_ISSUER"] == "https://taskflow.test"
    assert found["AUTH_AUDIENCE"] == "https://api.taskflow.test"
    assert found["AUTH_JWKS_URL"] == "https://taskflow.test/api/auth/jwks"
    assert found["CORS_ALLOWED_ORIGINS"] == "https://taskflow.test"
    assert env(service(**{"functions.tasks.logLevel": "DEBUG"}))["LOG_LEVEL"] == "DEBUG"


def test_several_origins_are_one_variable():
    origins = ["https://a.taskflow.test", "https://b.taskflow.test"]

    assert env(service(**{"cors.allowedOrigins": origins}))["CORS_ALLOWED_ORIGINS"] == ",".join(origins)


def test_no_function_has_a_cpu_limit_unless_the_namespace_needs_one():
    for name in NAMES:
        assert "cpu" not in box(service(name))["resources"].get("limits", {}), name
        assert box(service(name, **{"resources.cpuLimit": "2"}))["resources"]["limits"]["cpu"] == "2", name


def test_resources_of_one_function_win():
    given = {"requests": {"cpu": "25m"}, "limits": {"cpu": "1", "memory": "512Mi"}}
    found = box(service(**{"functions.tasks.resources": given, "resources.cpuLimit": "2"}))["resources"]

    assert found["requests"] == {"cpu": "25m", "memory": "128Mi"}
    assert found["limits"] == {"cpu": "1", "memory": "512Mi"}


def test_queue_proxy_gets_resources_where_a_quota_asks_for_them():
    given = {"requests": {"cpu": "25m", "memory": "32Mi"}, "limits": {"cpu": "1"}}
    found = annotations(service(**{"resources.queueProxy": given}))

    assert {
        k.removeprefix("queue.sidecar.serving.knative.dev/"): v for k, v in found.items() if "sidecar" in k
    } == {
        "cpu-resource-request": "25m",
        "memory-resource-request": "32Mi",
        "cpu-resource-limit": "1",
    }


def test_traffic_is_split_between_named_revisions():
    given = [
        {"revision": "current", "percent": 10, "tag": "candidate"},
        {"revision": "tasks-1a2b3c4d", "percent": 90},
    ]
    found = service(**{"functions.tasks.traffic": given})

    assert found["spec"]["traffic"] == [
        {
            "revisionName": found["spec"]["template"]["metadata"]["name"],
            "latestRevision": False,
            "percent": 10,
            "tag": "candidate",
        },
        {"revisionName": "tasks-1a2b3c4d", "latestRevision": False, "percent": 90},
    ]
    assert "traffic" not in service()["spec"], "without a split the newest ready revision gets everything"


def test_a_split_does_not_change_the_revision():
    given = [{"revision": "current", "percent": 100}]

    assert service()["spec"]["template"] == service(**{"functions.tasks.traffic": given})["spec"]["template"]


def test_a_private_registry_is_asked_with_the_secrets_that_are_named():
    objects = render(*DEFAULT, **{"image.pullSecrets": ["registry"]})

    for account in of_kind(objects, "ServiceAccount"):
        assert account["imagePullSecrets"] == [{"name": "registry"}]
        assert account["automountServiceAccountToken"] is False


def test_everything_moves_with_the_namespace(tmp_path):
    import helm_python

    from tests.contract.chart.rendered import CHART, read_values

    files = helm_python.Chart.load(CHART).render(read_values(*DEFAULT), name="a", namespace="elsewhere")
    objects = [
        o
        for path, text in files.items()
        if path.endswith(".yaml")
        for o in yaml.safe_load_all(text)
        if isinstance(o, dict)
    ]

    assert {o["metadata"].get("namespace", "-") for o in objects} == {"elsewhere", "-"}
    assert one(objects, "Broker", "task-events")["spec"]["config"]["namespace"] == "elsewhere"
    assert "todo-app" not in {o["metadata"].get("namespace") for o in objects}
