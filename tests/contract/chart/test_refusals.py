"""A value that cannot be right fails with a sentence that names it and the fix, before a render."""

import pytest

from tests.contract.chart.rendered import CHART, KAFKA, PROFILES, SITE, Refused, render

DEFAULT = PROFILES["default"]
OWN = PROFILES["aks"]
FUNCTIONS = "audit, notifications, recurrence, relay, reminders, tasks, updates"


def refusal(*files, **sets):
    with pytest.raises(Refused) as refused:
        render(*files, **sets)
    return str(refused.value)


@pytest.mark.parametrize(
    "path",
    [
        "image.repository",
        "image.digest",
        "auth.issuer",
        "auth.audience",
        "auth.jwksUrl",
        "cors.allowedOrigins",
        "kafka.bootstrapServers",
    ],
)
def test_what_only_the_owner_knows_is_named_when_it_is_missing(path):
    words = refusal(*DEFAULT, **{path: [] if path == "cors.allowedOrigins" else ""})

    assert f"{path} is missing: set it to" in words


def test_everything_that_is_missing_is_named_at_once():
    words = refusal()

    assert [name for name in ("image.digest", "auth.issuer", "hosts.tasks", "hosts.updates") if name in words]
    assert words.count(" is missing: ") == 9


@pytest.mark.parametrize("name", ["tasks", "updates"])
def test_every_public_function_needs_a_host(name):
    assert f"hosts.{name} is missing" in refusal(*DEFAULT, **{f"hosts.{name}": None})


def test_no_host_is_needed_without_domains():
    assert render(*DEFAULT, **{"hosts": None, "domains.enabled": False})


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ({"functions.taks.maxScale": 2}, f"functions.taks names no function; there are: {FUNCTIONS}"),
        ({"hosts.audit": "audit.taskflow.test"}, "hosts.audit names no function that people can reach"),
        ({"hosts.updates": "api.taskflow.test"}, "which another function has already"),
        ({"image.digest": "sha256:" + "0" * 64}, "image.digest is the placeholder"),
        ({"kafka.topics.manage": "strimzi"}, "set kafka.topics.manage=job"),
        ({"kafka.minInsyncReplicas": 2}, "nothing could be written"),
        ({"secrets.mode": "external"}, "secrets.external.storeName is missing"),
        ({"secrets.external.provider": {"fake": {}}}, "set secrets.external.storeKind=SecretStore"),
        ({"domains.tls.issuer.create": True}, "domains.tls.mode=certificate"),
        (
            {"domains.tls.mode": "certificate", "domains.tls.issuer.create": True},
            "domains.tls.issuer.solvers is missing",
        ),
        (
            {"functions.tasks.env": {"DATABASE_URL": "postgresql://x"}},
            "change the Secret taskflow-database instead",
        ),
        (
            {"functions.tasks.traffic": [{"revision": "current", "percent": 90}]},
            "adds up to 90 percent",
        ),
        (
            {"functions.tasks.traffic": [{"revision": "updates-1a2b3c4d", "percent": 100}]},
            "which is not one of tasks",
        ),
        (
            {"secrets.mode": "plain", "secrets.plain": {"taskflow-databse": {}}},
            "is no Secret of this release",
        ),
    ],
)
def test_values_that_contradict_the_manifests_or_one_another(sets, words):
    assert words in refusal(*DEFAULT, **sets)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ({"kafka.bootstrapServers": "kafka:9092"}, "exclude each other"),
        ({"kafka.topics.manage": "job"}, "after the job"),
        ({"kafka.strimzi.replicas": 2}, "a copy needs a broker of its own"),
        ({"kafka.auth.mechanism": "SCRAM-SHA-256"}, "must be SCRAM-SHA-512"),
        ({"kafka.auth.protocol": "SASL_SSL"}, "privateCa must be true"),
        ({"migrations.secret": "taskflow-database"}, "needs a name of its own"),
    ],
)
def test_values_that_contradict_a_kafka_of_our_own(sets, words):
    assert words in refusal(*OWN, **sets)


@pytest.mark.parametrize(
    ("sets", "place"),
    [
        ({"imagex": 1}, "imagex"),
        ({"image.tag": "latest"}, "tag"),
        ({"image.digest": "latest"}, "/image/digest"),
        ({"image.repository": "ghcr.io/taskflow/taskflow:latest"}, "/image/repository"),
        ({"functions.tasks.maxscale": 3}, "maxscale"),
        ({"functions.tasks.maxScale": "3"}, "/functions/tasks/maxScale"),
        ({"functions.tasks.env": {"K_SERVICE": "x"}}, "K_SERVICE"),
        ({"functions.tasks.resources": {"requests": {"cpu": "half"}}}, "/functions/tasks/resources"),
        ({"hosts.tasks": "https://api.taskflow.test"}, "/hosts/tasks"),
        ({"secrets.mode": "vault"}, "/secrets/mode"),
        ({"networkPolicy.postgres.to": [{"podselector": {}}]}, "/networkPolicy/postgres/to"),
        ({"cors.allowedOrigins": ["https://taskflow.test/path"]}, "/cors/allowedOrigins"),
        ({"kafka.bootstrapServers": "kafka"}, "/kafka/bootstrapServers"),
        ({"logLevel": "debug"}, "/logLevel"),
    ],
)
def test_the_schema_refuses_misspelt_and_mistyped_values(sets, place):
    words = refusal(*DEFAULT, **sets)

    assert "values don't meet the specifications" in words
    assert place in words


def test_a_placeholder_that_no_value_replaces_is_told(tmp_path):
    """A new variable of a manifest must get a value; until then its placeholder must not be deployed."""
    import shutil

    import helm_python

    chart = tmp_path / "todo-app"
    shutil.copytree(CHART, chart)
    path = chart / "files/knative/audit.yaml"
    added = '            - name: NEW_URL\n              value: "https://todo.example.com"\n'
    path.write_text(
        path.read_text().replace("            - name: LOG_LEVEL\n", f"{added}            - name: LOG_LEVEL\n")
    )
    from tests.contract.chart.rendered import read_values

    with pytest.raises(helm_python.HelmError, match="NEW_URL of audit has the placeholder"):
        helm_python.Chart.load(chart).render(read_values(SITE, KAFKA), name="x", namespace="todo-app")
