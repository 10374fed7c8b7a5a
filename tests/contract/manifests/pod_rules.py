"""Rules for everything that makes pods, and for every object: images, limits, rights, secrets."""

import re
from collections.abc import Iterator
from typing import Any

from tests.contract.manifests.given import Object, label, pods, texts

DIGEST = re.compile(r"(?P<name>[a-z0-9./_-]+)@sha256:[0-9a-f]{64}")
# Repositories whose manifests were seen to hold arm64 and amd64; ours is built for both (docs/image.md).
MULTI_ARCH = {"ghcr.io/taskflow/taskflow"}
TAG = re.compile(r"^[a-z0-9./_-]+:[A-Za-z0-9._-]+$")
SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY|API_KEY|DATABASE_URL|_DSN|CREDENTIALS)")
SECRET_TEXT = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY|[a-z+]+://[^/\s:@]+:[^/\s:@]+@|\beyJ[A-Za-z0-9_-]{20,}\.)"
)
ARCHITECTURE = re.compile(r"^(amd64|x86_64)$")


def images(item: Object) -> Iterator[str]:
    """By digest, without a tag, and had for every architecture that we run on."""
    for pod in pods(item):
        for box in [*pod["containers"], *pod.get("initContainers", [])]:
            image = box.get("image", "")
            match = DIGEST.fullmatch(image)
            if match is None:
                yield f"image {image!r} is not repository@sha256:…"
            elif match["name"] not in MULTI_ARCH:
                yield f"image {match['name']} is not on the list of what was seen for arm64 and amd64"


def architectures(item: Object) -> Iterator[str]:
    yield from (f"{path} wants {text}" for path, text in texts(item) if ARCHITECTURE.match(text))


def resources(item: Object) -> Iterator[str]:
    """Requests for everything, a limit for memory; none for CPU, which would double every start."""
    for pod in pods(item):
        for box in pod["containers"]:
            given: dict[str, Any] = box.get("resources", {})
            for kind, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
                if name not in given.get(kind, {}):
                    yield f"container {box['name']} has no {kind}.{name}"


def rights(item: Object) -> Iterator[str]:
    """What Pod Security `restricted` asks, and a file system that nobody writes to."""
    for pod in pods(item):
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(field):
                yield f"{field} is not allowed"
        for volume in pod.get("volumes", []):
            if "hostPath" in volume:
                yield f"volume {volume['name']} is of the host"
        for box in [*pod["containers"], *pod.get("initContainers", [])]:
            context = {**pod.get("securityContext", {}), **box.get("securityContext", {})}
            yield from (f"container {box['name']}: {each}" for each in _restricted(context))


def _restricted(context: Object) -> Iterator[str]:
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
        yield "may run as root"
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "may gain rights"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "may write to its image"


def tokens(item: Object) -> Iterator[str]:
    """Nothing of ours talks to the API server: jobs say so themselves, functions by their ServiceAccount."""
    if item["kind"] in ("Job", "CronJob"):
        for pod in pods(item):
            if pod.get("automountServiceAccountToken") is not False:
                yield "mounts a token of the API server"
    if item["kind"] == "ServiceAccount" and item.get("automountServiceAccountToken") is not False:
        yield "mounts a token of the API server"


def secrets(item: Object) -> Iterator[str]:
    """No value of a secret in any manifest."""
    if item["kind"] == "Secret" and any({**item.get("data", {}), **item.get("stringData", {})}.values()):
        yield "a Secret with values"
    for pod in pods(item):
        for box in pod["containers"]:
            for variable in box.get("env", []):
                value = variable.get("value", "")
                if value and SECRET_NAME.search(variable["name"]) and not value.startswith("/"):
                    yield f"variable {variable['name']} has its value in the manifest"
    yield from (f"{path} looks like a secret" for path, text in texts(item) if SECRET_TEXT.search(text))


def strings(item: Object) -> Iterator[str]:
    """Labels and annotations are texts, of the object and of its pods."""
    for place in (
        item,
        item.get("spec", {}).get("template", {}) if isinstance(item.get("spec"), dict) else {},
    ):
        metadata = place.get("metadata", {}) if isinstance(place, dict) else {}
        for kind in ("labels", "annotations"):
            for key, value in (metadata.get(kind) or {}).items():
                if not isinstance(value, str):
                    yield f"{kind}.{key} is no text"


def namespace(item: Object) -> Iterator[str]:
    if item["kind"] != "Namespace":
        return
    for mode in ("enforce", "audit", "warn"):
        if item["metadata"].get("labels", {}).get(f"pod-security.kubernetes.io/{mode}") != "restricted":
            yield f"Pod Security does not {mode} restricted"


def topics(objects: list[Object]) -> Iterator[str]:
    """Copies fit the brokers, and one of them may be away."""
    pools = [item for item in objects if item["kind"] == "KafkaNodePool"]
    brokers = sum(item["spec"]["replicas"] for item in pools if "broker" in item["spec"]["roles"])
    for item in objects:
        if item["kind"] != "KafkaTopic":
            continue
        replicas = item["spec"]["replicas"]
        insync = int(item["spec"].get("config", {}).get("min.insync.replicas", 1))
        if item["spec"]["partitions"] < 3:
            yield f"{label(item)}: fewer than 3 partitions, and more later would break the order"
        if brokers and replicas > brokers:
            yield f"{label(item)}: {replicas} replicas on {brokers} brokers"
        if insync != max(1, replicas - 1):
            yield f"{label(item)}: min.insync.replicas {insync} with {replicas} replicas"


def twice(objects: list[Object]) -> Iterator[str]:
    """The same object in two files: the second apply undoes the first."""
    names = [(item["apiVersion"], label(item), item["metadata"].get("namespace")) for item in objects]
    yield from (f"{name} is there twice" for _, name, _ in {n for n in names if names.count(n) > 1})
