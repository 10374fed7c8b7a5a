"""docs/install.md: what it names is there, in an order that works, and its substitutions do what they say."""

import re
import subprocess

import pytest
import yaml

from tests.contract.manifests.given import PROJECT, pods

DOCUMENT = (PROJECT / "docs/install.md").read_text()
IMAGE = "registry.test/ours@sha256:" + "7" * 64
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)


def test_what_it_names_is_there():
    named = re.findall(r"\b(?:kubernetes|knative|eventing)/[\w*./-]*\.yaml", DOCUMENT)

    assert len(named) >= 8
    for pattern in named:
        assert list(PROJECT.glob(pattern)), pattern


def test_every_file_of_ours_is_applied():
    patterns = re.findall(r"(?:-f|ours) ((?:kubernetes|knative|eventing)[\w*./-]*)", DOCUMENT)
    applied = {path for pattern in patterns for path in PROJECT.glob(pattern)}
    secrets = set(PROJECT.glob("kubernetes/secrets/*.yaml"))  # filled in by hand

    for folder in ("kubernetes", "knative", "eventing"):
        for path in (PROJECT / folder).rglob("*.yaml"):
            assert path in applied or path.parent in applied or path in secrets, path


def test_each_step_comes_after_what_it_needs():
    steps = re.findall(r"^## \d\. (\w+)", DOCUMENT, re.MULTILINE)
    assert steps == ["Namespace", "Secrets", "The", "Topics", "Migrations", "Functions", "Events"]


def test_every_secret_that_is_read_has_a_template_and_a_command():
    read = set()
    for path in [*PROJECT.glob("knative/*.yaml"), *PROJECT.glob("kubernetes/*.yaml")]:
        for pod in pods(yaml.safe_load(path.read_text())):
            for variable in pod["containers"][0].get("env", []):
                if ref := variable.get("valueFrom", {}).get("secretKeyRef"):
                    read.add((ref["name"], ref["key"]))
    templates = set()
    for path in PROJECT.glob("kubernetes/secrets/*.yaml"):
        document = yaml.safe_load(path.read_text())
        assert path.stem == document["metadata"]["name"]
        assert set(document["stringData"].values()) == {""}
        templates |= {(path.stem, key) for key in document["stringData"]}
    commands = {
        (name, key)
        for name, rest in re.findall(r"create secret generic (\S+)(.*)", DOCUMENT)
        for key in re.findall(r"--from-(?:file|literal)=([\w-]+)", rest)
    }

    assert read == templates == commands


@pytest.mark.parametrize("pattern", ["knative/*.yaml", "kubernetes/job-*.yaml", "eventing/*.yaml"])
def test_the_substitution_leaves_no_placeholder(pattern):
    script = BLOCKS[0].replace("ghcr.io/your-name/taskflow@sha256:…", IMAGE)
    script = script.replace("https://your.domain", "https://a.test")
    script = re.sub(r"^KAFKA=.*$", "KAFKA=broker.test:9092", script, flags=re.MULTILINE)
    done = subprocess.run(
        ["bash", "-euc", f"{script}\nours {pattern}"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    found = [document for document in yaml.safe_load_all(done.stdout) if document]

    assert len(found) == len(list(PROJECT.glob(pattern)))
    assert "example.com" not in done.stdout
    assert "taskflow-kafka-kafka-bootstrap" not in done.stdout
    for item in found:
        assert all(pod["containers"][0]["image"] == IMAGE for pod in pods(item))


def test_the_start_offset_is_changed_and_nothing_else():
    (expression,) = re.findall(r"sed '(s/auto.*?)'", DOCUMENT)
    block = "  a.properties: |\n    auto.offset.reset=latest\n    max.poll.records=50\n"
    before = f'data:\n{block}  b: "x\\nauto.offset.reset=latest\\ny"\n'
    done = subprocess.run(["sed", expression], input=before, capture_output=True, text=True, check=True)

    assert done.stdout == before.replace("latest", "earliest")


def test_the_folder_of_topics_becomes_the_jobs_volume():
    job = yaml.safe_load((PROJECT / "kubernetes/job-topics.yaml").read_text())
    (pod,) = pods(job)
    mounted = pod["containers"][0]["volumeMounts"][0]["mountPath"]

    assert pod["containers"][0]["command"][-1] == mounted
    assert f"create configmap {pod['volumes'][0]['configMap']['name']} " in DOCUMENT


def test_every_topic_and_only_topics_carry_the_label_that_selects_them():
    for path in PROJECT.glob("eventing/*.yaml"):
        document = yaml.safe_load(path.read_text())
        labelled = "strimzi.io/cluster" in document["metadata"]["labels"]
        assert labelled == (document["kind"] == "KafkaTopic"), path
