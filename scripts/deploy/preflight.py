"""The checks before anything is changed: pure decisions, and the queries for the facts that they need."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from scripts.deploy.errors import Refused
from scripts.deploy.tools import Answer, Tools

Objects = list[dict[str, Any]]  # as YAML has them
FLOOR = (1, 34)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_WORDS = re.compile(r"^Error: |^execution error at \([^)]*\): |^INSTALLATION FAILED: |^UPGRADE FAILED: ")
# API group → who brings it. The versions are those of versions.yaml.
_BRINGS = {
    "serving.knative.dev": "Knative Serving",
    "networking.internal.knative.dev": "Knative Serving",
    "eventing.knative.dev": "Knative Eventing",
    "sources.knative.dev": "Knative Eventing",
    "kafka.strimzi.io": "the Strimzi operator",
    "cert-manager.io": "cert-manager",
    "external-secrets.io": "External Secrets",
}
_OF_KAFKA = {"KafkaSource", "KafkaSink"}  # in Eventing's groups, but from another project
_KAFKA = "Knative's Kafka components (eventing-kafka-broker)"
_BUILT_IN = {"", "batch", "networking.k8s.io", "rbac.authorization.k8s.io"}


def explained(text: str) -> str:
    """Helm's message in one line, without the place in the template."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    useful = [line for line in lines if not line.startswith(("level=", "WARNING", "Use --debug"))]
    joined = " ".join(useful) or "Helm gave no reason"
    while (shorter := _WORDS.sub("", joined)) != joined:
        joined = shorter
    return joined


def rendered(answer: Answer) -> Answer:
    """The answer of `helm template`; Refused with the value that is wrong."""
    if answer.code:
        raise Refused(explained(answer.error))
    return answer


def kinds(objects: Objects) -> set[tuple[str, str]]:
    """(apiVersion, kind) of everything that is not Kubernetes' own."""
    return {
        (found["apiVersion"], found["kind"])
        for found in objects
        if group(found["apiVersion"]) not in _BUILT_IN
    }


def group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def missing_kinds(wanted: AbstractSet[tuple[str, str]], served: AbstractSet[tuple[str, str]]) -> list[str]:
    """One clause for each project that is not installed, with the kinds that it should serve."""
    by_project: dict[str, list[str]] = {}
    for api_version, kind in sorted(wanted - served):
        project = _KAFKA if kind in _OF_KAFKA else _BRINGS.get(group(api_version), group(api_version))
        by_project.setdefault(project, []).append(f"{kind} ({api_version})")
    return [f"{', '.join(names)}: install {project}" for project, names in sorted(by_project.items())]


def served_kinds(tools: Tools, wanted: AbstractSet[tuple[str, str]]) -> set[tuple[str, str]]:
    """What the cluster serves of the API versions in question."""
    found = set()
    for api_version in sorted({version for version, _ in wanted}):
        answer = tools.run_kubectl("get", "--raw", f"/apis/{api_version}")
        if answer.code == 0:
            found |= {(api_version, entry["kind"]) for entry in json.loads(answer.out)["resources"]}
    return found


def cluster_version(answer: Answer) -> tuple[int, int]:
    """Of the server, from `kubectl version --output json`; Refused where none answers."""
    server = json.loads(answer.out).get("serverVersion") if answer.out.strip() else None
    if not server:
        reason = explained(answer.error or "no answer")
        raise Refused(f"the cluster cannot be reached ({reason}): check kubectl config current-context")
    return int(server["major"]), int(re.sub(r"\D", "", server["minor"]))


def check_version(version: tuple[int, int]) -> None:
    if version < FLOOR:
        raise Refused(
            f"the cluster runs Kubernetes {version[0]}.{version[1]}: "
            f"Knative needs {FLOOR[0]}.{FLOOR[1]} or newer, upgrade it"
        )


def secret_keys(objects: Objects) -> dict[str, set[str]]:
    """Secret → keys that the objects read and that none of them makes."""
    needed: dict[str, set[str]] = {}
    for name, key in _references(objects):
        needed.setdefault(name, set()).add(key)
    made = {o["metadata"]["name"] for o in objects if o["kind"] in ("Secret", "ExternalSecret")}
    return {name: keys for name, keys in needed.items() if name not in made}


def _references(value: Any) -> Iterator[tuple[str, str]]:  # any part of an object
    if isinstance(value, Mapping):
        reference = value.get("secretKeyRef")
        if isinstance(reference, Mapping):
            yield reference["name"], reference["key"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def stores_and_issuers(objects: Objects) -> list[tuple[str, str]]:
    """(kind, name) of where secrets and certificates come from, unless the objects bring it themselves."""
    made = {(o["kind"], o["metadata"]["name"]) for o in objects}
    found = {
        (reference["kind"], reference["name"])
        for o in objects
        for reference in (o.get("spec", {}).get("secretStoreRef"), o.get("spec", {}).get("issuerRef"))
        if reference
    }
    return sorted(found - made)


def missing_secrets(needed: Mapping[str, AbstractSet[str]], there: Mapping[str, Iterable[str]]) -> list[str]:
    """One clause a Secret that is missing or lacks keys."""
    lines = []
    for name, keys in sorted(needed.items()):
        lacking = sorted(keys - set(there.get(name, ())))
        if name not in there:
            lines.append(f"Secret {name} with {', '.join(lacking)}")
        elif lacking:
            lines.append(f"{', '.join(lacking)} in Secret {name}")
    return lines
