"""What `scripts/helm-deploy` refuses, each in one line that names the fault and the fix."""

import json

import pytest

from scripts.deploy import preflight
from scripts.deploy.command import given, options
from scripts.deploy.errors import Refused
from scripts.deploy.preflight import explained, kinds, missing_kinds, missing_secrets, secret_keys
from scripts.deploy.tools import Answer, find, major

SOURCE = {"apiVersion": "sources.knative.dev/v1", "kind": "KafkaSource", "metadata": {"name": "a"}}
TOPIC = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": {"name": "b"}}
PING = {"apiVersion": "sources.knative.dev/v1", "kind": "PingSource", "metadata": {"name": "c"}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "d"}}


def test_a_missing_program_is_named_with_where_to_get_it(tmp_path):
    with pytest.raises(Refused, match=r"helm is not installed: see https://helm\.sh"):
        find("helm", {"PATH": str(tmp_path)})


def test_programs_are_found_on_the_path_and_in_the_folder_of_tools(tmp_path):
    program = tmp_path / "bin/helm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert find("helm", {"PATH": "/nowhere", "TASKFLOW_TOOLS": str(tmp_path)}) == str(program)
    assert find("helm", {"PATH": str(program.parent)}) == str(program)


@pytest.mark.parametrize(("text", "number"), [("v4.2.4", 4), ("v3.21.4+g1234567", 3), ("v3.21", 3)])
def test_both_majors_of_helm_are_known(text, number):
    assert major(text) == number


@pytest.mark.parametrize("text", ["v2.17.0", "v5.0.0", "", "not helm"])
def test_another_helm_is_refused(text):
    with pytest.raises(Refused, match="install Helm 4 or 3"):
        major(text)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Error: execution error at (a.yaml:2:4): image.digest is missing\n\nUse --debug",
            "image.digest is missing",
        ),
        (
            "Error: values don't meet the specifications:\ntodo-app:\n- at '/logLevel': must be 'DEBUG'\n",
            "values don't meet the specifications: todo-app: - at '/logLevel': must be 'DEBUG'",
        ),
        (
            'level=WARN msg="chart"\nError: UPGRADE FAILED: pre-upgrade hooks failed: job taskflow-migrate',
            "pre-upgrade hooks failed: job taskflow-migrate",
        ),
        ("", "Helm gave no reason"),
    ],
)
def test_helms_words_become_one_line(said, told):
    assert explained(said) == told


def test_wrong_values_end_it():
    with pytest.raises(Refused, match=r"^image\.digest is missing"):
        preflight.rendered(Answer(1, "", "Error: image.digest is missing: set it"))


def test_only_kinds_that_somebody_must_have_installed_are_asked_for():
    assert kinds([SOURCE, TOPIC, JOB, PING]) == {
        ("sources.knative.dev/v1", "KafkaSource"),
        ("sources.knative.dev/v1", "PingSource"),
        ("kafka.strimzi.io/v1", "KafkaTopic"),
    }


def test_missing_kinds_are_named_with_the_project_that_brings_them():
    served = {("sources.knative.dev/v1", "PingSource")}

    assert missing_kinds(kinds([SOURCE, TOPIC, PING]), served) == [
        "KafkaSource (sources.knative.dev/v1): install Knative's Kafka components (eventing-kafka-broker)",
        "KafkaTopic (kafka.strimzi.io/v1): install the Strimzi operator",
    ]
    assert missing_kinds(kinds([PING]), served) == []


def test_a_cluster_that_does_not_answer_is_told_with_its_reason():
    client = json.dumps({"clientVersion": {"major": "1"}})
    with pytest.raises(Refused, match=r"cannot be reached \(Unable to connect.*current-context"):
        preflight.cluster_version(Answer(1, client, "Unable to connect to the server: refused\n"))


def test_a_cluster_that_is_too_old_is_refused():
    answer = Answer(0, json.dumps({"serverVersion": {"major": "1", "minor": "33+"}}), "")

    assert preflight.cluster_version(answer) == (1, 33)
    with pytest.raises(Refused, match=r"runs Kubernetes 1\.33: Knative needs 1\.34"):
        preflight.check_version((1, 33))
    preflight.check_version((1, 34))


def test_secrets_that_the_release_makes_itself_need_not_exist():
    reference = {"secretKeyRef": {"name": "database", "key": "api"}}
    made = {"kind": "ExternalSecret", "metadata": {"name": "webhooks"}}
    objects = [
        {**JOB, "spec": {"template": {"spec": {"containers": [{"env": [{"valueFrom": reference}]}]}}}},
        {**JOB, "spec": {"x": [{"secretKeyRef": {"name": "webhooks", "key": "k"}}]}},
        made,
    ]

    assert secret_keys(objects) == {"database": {"api"}}


def test_stores_and_issuers_that_the_release_does_not_bring_must_be_there():
    external = {"kind": "ExternalSecret", "metadata": {"name": "a"}}
    certificate = {"kind": "Certificate", "metadata": {"name": "b"}}
    objects = [
        {**external, "spec": {"secretStoreRef": {"kind": "ClusterSecretStore", "name": "vault"}}},
        {**external, "spec": {"secretStoreRef": {"kind": "SecretStore", "name": "ours"}}},
        {"kind": "SecretStore", "metadata": {"name": "ours"}},
        {**certificate, "spec": {"issuerRef": {"kind": "ClusterIssuer", "name": "acme"}}},
        JOB,
    ]

    assert preflight.stores_and_issuers(objects) == [
        ("ClusterIssuer", "acme"),
        ("ClusterSecretStore", "vault"),
    ]


def test_missing_secrets_and_missing_keys_are_named():
    needed = {"database": {"api", "relay"}, "webhooks": {"key"}, "fine": {"a"}}

    assert missing_secrets(needed, {"database": ["api"], "fine": ["a", "b"]}) == [
        "relay in Secret database",
        "Secret webhooks with key",
    ]


def test_values_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(Refused, match=r"gone\.yaml: no such file"):
        given(options(["--values", str(tmp_path / "gone.yaml")]))


def test_an_image_needs_a_digest():
    with pytest.raises(Refused, match="has no digest"):
        given(options(["--image", "ghcr.io/taskflow/taskflow:latest"]))


def test_values_image_and_sets_become_helms_arguments_in_that_order(tmp_path):
    file = tmp_path / "v.yaml"
    file.touch()
    digest = "sha256:" + "a" * 64
    arguments = ["--values", str(file), "--image", f"r.test/i@{digest}", "--set", "logLevel=DEBUG"]

    assert given(options(arguments)) == [
        f"--values={file}",
        "--set-string=image.repository=r.test/i",
        f"--set-string=image.digest={digest}",
        "--set=logLevel=DEBUG",
    ]
