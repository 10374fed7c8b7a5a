"""Secrets, jobs, network, domains, namespace: what surrounds the functions, value by value."""

import os
import subprocess
import sys

import pytest
import yaml

from scripts.oci.application import PARTS
from tests.contract.chart.rendered import PROFILES, PROJECT, Refused, of_kind, one, render

DEFAULT, OWN = PROFILES["default"], PROFILES["aks"]
PLAIN = {
    "taskflow-database": {"api": "a", "consumer": "b", "relay": "c", "ticker": "d"},
    "taskflow-webhooks": {"encryption-key": "e"},
    "taskflow-migrations": {"owner": "f"},
}


def references(value):
    if isinstance(value, dict):
        if "secretKeyRef" in value:
            yield value["secretKeyRef"]["name"], value["secretKeyRef"]["key"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def policy(objects, name):
    return one(objects, "NetworkPolicy", name)["spec"]


def functions_of(spec):
    return set(spec["podSelector"]["matchExpressions"][0]["values"])


@pytest.mark.parametrize("profile", PROFILES)
def test_external_secrets_bring_every_key_that_is_read(profile):
    sets = {
        "secrets.mode": "external",
        "secrets.external.storeName": "store",
        "migrations.secret": "taskflow-migrations",
    }
    objects = render(*PROFILES[profile], **sets)
    made = {
        (o["metadata"]["name"], entry["secretKey"])
        for o in of_kind(objects, "ExternalSecret")
        for entry in o["spec"]["data"]
    }

    assert set(references(objects)) <= made
    assert {o["apiVersion"] for o in of_kind(objects, "ExternalSecret")} == {"external-secrets.io/v1"}
    keys = [
        entry["remoteRef"]["key"] for o in of_kind(objects, "ExternalSecret") for entry in o["spec"]["data"]
    ]
    assert len(keys) == len(set(keys)), "two secrets would share one entry of the store"


def test_a_store_can_come_with_the_release():
    sets = {
        "secrets.mode": "external",
        "secrets.external": {
            "storeKind": "SecretStore",
            "storeName": "ours",
            "provider": {"fake": {"data": []}},
        },
    }
    objects = render(*DEFAULT, **sets)

    assert one(objects, "SecretStore", "ours")["spec"] == {"provider": {"fake": {"data": []}}}
    assert {o["spec"]["secretStoreRef"]["name"] for o in of_kind(objects, "ExternalSecret")} == {"ours"}


def test_plain_secrets_need_every_value_and_hold_nothing_else():
    objects = render(*DEFAULT, **{"secrets.mode": "plain", "secrets.plain": PLAIN})

    assert {o["metadata"]["name"]: o["stringData"] for o in of_kind(objects, "Secret")} == PLAIN
    with pytest.raises(Refused, match=r"secrets.plain.taskflow-database has no ticker"):
        incomplete = {**PLAIN, "taskflow-database": {"api": "a", "consumer": "b", "relay": "c"}}
        render(*DEFAULT, **{"secrets.mode": "plain", "secrets.plain": incomplete})


def test_existing_secrets_are_not_touched():
    assert not list(of_kind(render(*DEFAULT), "Secret"))
    assert not list(of_kind(render(*DEFAULT), "ExternalSecret"))


@pytest.mark.parametrize("mode", ["plain", "external"])
def test_what_a_job_before_the_release_reads_exists_before_it(mode):
    sets = {
        "secrets.mode": mode,
        "secrets.plain": PLAIN if mode == "plain" else {},
        "secrets.external.storeName": "s",
    }
    objects = render(*DEFAULT, **sets)
    weights = {
        (o["kind"], o["metadata"]["name"]): int(o["metadata"]["annotations"]["helm.sh/hook-weight"])
        for o in objects
        if "helm.sh/hook" in o["metadata"].get("annotations", {})
    }

    for name in ("taskflow-migrate", "taskflow-topics"):
        job = one(objects, "Job", name)
        pod = job["spec"]["template"]["spec"]
        needs = {("ServiceAccount", pod["serviceAccountName"])}
        needs |= {
            ("Secret" if mode == "plain" else "ExternalSecret", secret) for secret, _ in references(job)
        }
        needs |= {("ConfigMap", v["configMap"]["name"]) for v in pod.get("volumes", []) if "configMap" in v}
        assert all(weights[need] < weights["Job", name] for need in needs)


def test_the_migration_runs_before_everything_as_owner_and_leaves_its_traces_when_it_fails():
    job = one(render(*DEFAULT), "Job", "taskflow-migrate")
    pod = job["spec"]["template"]["spec"]

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert "hook-failed" not in job["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert pod["containers"][0]["command"] == ["python", "scripts/migrate", "up"]
    assert list(references(job)) == [("taskflow-migrations", "owner")]
    assert pod["restartPolicy"] == "Never"
    assert not [
        o for o in of_kind(render(*DEFAULT, **{"migrations.enabled": False}), "Job") if "migrate" in str(o)
    ]


def test_roles_and_database_are_made_on_demand():
    job = one(render(*DEFAULT, **{"migrations.bootstrap": True}), "Job", "taskflow-migrate")
    pod = job["spec"]["template"]["spec"]
    env = {e["name"]: e.get("value") for e in pod["containers"][0]["env"]}

    assert ("taskflow-migrations", "admin") in references(job)
    assert env["ROLE_PASSWORDS_FILE"].startswith(pod["containers"][0]["volumeMounts"][0]["mountPath"])
    assert pod["volumes"][0]["secret"]["items"] == [{"key": "roles.json", "path": "roles.json"}]


def test_backups_are_off_until_asked_for_and_outlive_the_release():
    assert not list(of_kind(render(*DEFAULT), "CronJob"))
    objects = render(*DEFAULT, backup={"enabled": True, "schedule": "5 1 * * *", "keep": 3, "size": "7Gi"})
    cron, volume = (
        one(objects, "CronJob", "taskflow-backup"),
        one(objects, "PersistentVolumeClaim", "taskflow-backup"),
    )
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]

    assert (cron["spec"]["schedule"], cron["spec"]["timeZone"]) == ("5 1 * * *", "Etc/UTC")
    assert pod["containers"][0]["command"] == [
        "python",
        "scripts/backup",
        "dump",
        "--to",
        "/backups",
        "--keep",
        "3",
    ]
    assert volume["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert volume["spec"]["resources"]["requests"]["storage"] == "7Gi"
    assert "BACKUP_UPLOAD_URL" not in str(cron)


def test_backups_can_leave_the_cluster():
    objects = render(
        *DEFAULT, **{"backup.enabled": True, "backup.upload": True, "backup.existingClaim": "mine"}
    )

    assert ("taskflow-backup", "upload-url") in references(one(objects, "CronJob", "taskflow-backup"))
    assert not list(of_kind(objects, "PersistentVolumeClaim"))
    assert policy(objects, "backup-to-https")["podSelector"] == {"matchLabels": {"taskflow.io/job": "backup"}}


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_enters_or_leaves_a_pod_but_what_is_named(profile):
    objects = render(*PROFILES[profile])
    deny = policy(objects, "default-deny")

    assert (deny["podSelector"], set(deny["policyTypes"])) == ({}, {"Ingress", "Egress"})
    assert "ingress" not in deny
    assert "egress" not in deny


def test_each_function_reaches_what_its_manifest_speaks_of():
    objects = render(*DEFAULT)

    assert functions_of(policy(objects, "functions-to-postgres")) == {
        "audit", "notifications", "recurrence", "relay", "reminders", "tasks", "updates",
    }  # fmt: skip
    assert functions_of(policy(objects, "functions-to-kafka")) == {
        "notifications", "recurrence", "relay", "reminders", "tasks",
    }  # fmt: skip
    assert functions_of(policy(objects, "functions-to-https")) == {"notifications", "tasks", "updates"}
    assert functions_of(policy(objects, "functions-to-smtp")) == {"notifications"}


def test_webhooks_cannot_reach_the_cluster_or_metadata_services():
    (rule,) = policy(render(*DEFAULT), "functions-to-https")["egress"]
    (peer,) = rule["to"]

    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(peer["ipBlock"]["except"])
    assert [port["port"] for port in rule["ports"]] == [443]


def test_knative_reaches_queue_proxy_and_nobody_reaches_the_function_itself():
    first, second = policy(render(*DEFAULT), "knative-to-functions")["ingress"]
    ports = [{port["port"] for port in rule["ports"]} for rule in (first, second)]
    names = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in (first, second)
        for peer in rule["from"]
    }

    assert ports == [{8012, 8013, 8022, 8112, 9090, 9091}, {8012, 8013, 8112}]
    assert names == {"knative-serving", "knative-eventing", "kourier-system"}


def test_kafka_of_somebody_else_is_reached_on_its_ports():
    sets = {
        "kafka.bootstrapServers": "a.test:9093,b.test:9094,c.test:9093",
        "networkPolicy.kafka.to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}],
    }
    (rule,) = policy(render(*DEFAULT, **sets), "functions-to-kafka")["egress"]

    assert [port["port"] for port in rule["ports"]] == [9093, 9094]
    assert rule["to"] == [{"ipBlock": {"cidr": "203.0.113.0/24"}}]


def test_kafka_of_our_own_is_reached_and_reaches_its_own():
    objects = render(*OWN)
    (rule,) = policy(objects, "functions-to-kafka")["egress"]

    assert rule["to"] == [{"podSelector": {"matchLabels": {"strimzi.io/cluster": "taskflow-kafka"}}}]
    assert policy(objects, "kafka-itself")["podSelector"] == rule["to"][0]["podSelector"]


def test_a_database_in_the_namespace_lets_its_clients_in():
    spec = policy(render(*PROFILES["local"]), "postgres-itself-0")

    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "postgres"}}
    (rule,) = spec["ingress"]
    assert [port["port"] for port in rule["ports"]] == [5432]
    assert set(rule["from"][0]["podSelector"]["matchExpressions"][0]["values"]) >= {"tasks", "relay"}


def test_policies_can_be_left_to_somebody_else():
    assert not list(of_kind(render(*OWN, **{"networkPolicy.enabled": False}), "NetworkPolicy"))


def test_more_egress_is_added_as_given():
    rule = {"to": [{"podSelector": {"matchLabels": {"app": "issuer"}}}], "ports": [{"port": 8080}]}

    assert policy(render(*DEFAULT, **{"networkPolicy.extraEgress": [rule]}), "functions-extra")["egress"] == [
        rule
    ]


@pytest.mark.parametrize(
    ("mode", "redirected", "secret", "certificates"),
    [
        ("knative", True, None, 0),
        ("certificate", True, "live-taskflow-test-tls", 2),
        ("secret", True, "live-taskflow-test-tls", 0),
        ("none", False, None, 0),
    ],
)
def test_hosts_are_mapped_with_tls_and_plain_requests_are_redirected(mode, redirected, secret, certificates):
    objects = render(*DEFAULT, **{"domains.tls.mode": mode})
    mapping = one(objects, "DomainMapping", "live.taskflow.test")

    assert mapping["spec"]["ref"]["name"] == "updates"
    assert ("annotations" in mapping["metadata"]) == redirected
    if redirected:
        assert mapping["metadata"]["annotations"] == {"networking.knative.dev/http-protocol": "redirected"}
    assert mapping["spec"].get("tls", {}).get("secretName") == secret
    assert len(list(of_kind(objects, "Certificate"))) == certificates
    assert {o["spec"]["secretName"] for o in of_kind(objects, "Certificate")} <= {
        "live-taskflow-test-tls",
        "api-taskflow-test-tls",
    }


def test_claims_are_left_to_clusters_that_make_them():
    assert {o["metadata"]["name"] for o in of_kind(render(*DEFAULT), "ClusterDomainClaim")} == {
        "api.taskflow.test",
        "live.taskflow.test",
    }
    assert not list(of_kind(render(*DEFAULT, **{"domains.claims": False}), "ClusterDomainClaim"))


def test_an_issuer_can_come_with_the_release():
    solver = {"dns01": {"cloudDNS": {"project": "p"}}}
    issuer = {
        "create": True,
        "kind": "Issuer",
        "name": "acme",
        "email": "ops@taskflow.test",
        "solvers": [solver],
    }
    objects = render(*DEFAULT, **{"domains.tls.mode": "certificate", "domains.tls.issuer": issuer})

    acme = one(objects, "Issuer", "acme")["spec"]["acme"]
    assert (acme["email"], acme["solvers"]) == ("ops@taskflow.test", [solver])
    assert {o["spec"]["issuerRef"]["name"] for o in of_kind(objects, "Certificate")} == {"acme"}


def test_namespace_quota_and_limits_are_rendered_on_demand():
    assert not [o for o in render(*DEFAULT) if o["kind"] in ("Namespace", "ResourceQuota", "LimitRange")]
    limit = {"type": "Container", "defaultRequest": {"cpu": "25m"}}
    objects = render(
        *DEFAULT, **{"namespace.create": True, "resourceQuota": {"requests.cpu": "2"}, "limitRange": [limit]}
    )

    assert (
        one(objects, "Namespace", "todo-app")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        == "restricted"
    )
    assert one(objects, "ResourceQuota", "taskflow")["spec"]["hard"] == {"requests.cpu": "2"}
    assert one(objects, "LimitRange", "taskflow")["spec"]["limits"] == [limit]


def test_labels_of_the_owner_are_on_everything():
    for found in render(*OWN, labels={"team": "platform"}):
        assert found["metadata"]["labels"]["team"] == "platform", yaml.safe_dump(found["metadata"])


@pytest.mark.parametrize("name", ["taskflow-migrate", "taskflow-backup"])
def test_the_jobs_commands_are_in_the_image_and_take_their_arguments(name, tmp_path):
    """Without a DSN each says so: it was found, and its arguments are right (2 would be a wrong call)."""
    sets = {"backup.enabled": True}
    (job,) = [
        o for o in render(*DEFAULT, **sets) if o["metadata"]["name"] == name and o["kind"].endswith("Job")
    ]
    spec = job["spec"].get("jobTemplate", {}).get("spec", job["spec"])
    python, program, *arguments = spec["template"]["spec"]["containers"][0]["command"]
    given = [str(tmp_path) if each == "/backups" else each for each in arguments]
    done = subprocess.run(
        [sys.executable, PROJECT / program, *given],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )

    assert python == "python"
    assert program in PARTS
    assert done.returncode == 1
    assert "DATABASE_URL is not set" in done.stderr
