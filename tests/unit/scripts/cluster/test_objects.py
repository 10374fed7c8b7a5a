import json
from pathlib import Path

import pytest

from scripts.bootstrap import PROJECT
from scripts.cluster import objects
from scripts.cluster.pods import Pod, job

IMAGE = "dev.local/taskflow-local@sha256:" + "0" * 64


def _everything():
    return [
        *objects.database(IMAGE, persistent=True),
        *objects.database(IMAGE, persistent=False),
        objects.roles_job(IMAGE),
        *objects.issuer(IMAGE, {"keys": []}),
        *objects.stand_in(IMAGE, "kafka:9092", PROJECT),
    ]


@pytest.mark.parametrize("item", [x for x in _everything() if x["kind"] in {"Deployment", "Job"}])
def test_every_pod_meets_the_level_that_the_namespace_enforces(item):
    pod = item["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
    allowed = {"configMap", "emptyDir", "secret", "persistentVolumeClaim"}
    assert all(set(volume) <= {"name", *allowed} for volume in pod["volumes"])


def test_the_same_job_has_the_same_name_and_other_work_another():
    one = job(Pod("taskflow-topics", IMAGE, ("python",), env={"DECLARED": "a"}))
    same = job(Pod("taskflow-topics", IMAGE, ("python",), env={"DECLARED": "a"}))
    other = job(Pod("taskflow-topics", IMAGE, ("python",), env={"DECLARED": "b"}))
    assert one == same
    assert one["metadata"]["name"] != other["metadata"]["name"]


def test_the_stand_in_reads_every_manifest(tmp_path: Path):
    from scripts.local.manifests import load

    for config in objects.manifests(PROJECT):
        folder = tmp_path / config["metadata"]["name"].removeprefix("taskflow-")
        folder.mkdir()
        for name, text in config["data"].items():
            (folder / name).write_text(text)
    assert load(tmp_path) == load(PROJECT)


def test_a_changed_manifest_is_another_pod(tmp_path: Path):
    for folder in ("knative", "eventing"):
        (tmp_path / folder).mkdir()
    (tmp_path / "eventing/broker.yaml").write_text("a: 1\n")
    before = objects.stand_in(IMAGE, "kafka:9092", tmp_path)
    (tmp_path / "eventing/broker.yaml").write_text("a: 2\n")
    assert json.dumps(before) != json.dumps(objects.stand_in(IMAGE, "kafka:9092", tmp_path))
