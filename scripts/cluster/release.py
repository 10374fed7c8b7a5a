"""The chart's release on a local cluster: the values it gets, and whether it has to be installed at all."""

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import yaml

from scripts.bootstrap import PROJECT
from scripts.cluster import objects
from scripts.cluster.images import REPOSITORY, Image
from scripts.cluster.kubectl import CommandFailed, apply, read, run
from scripts.cluster.options import NAMESPACE, RELEASE, Options
from scripts.cluster.parts import needs_stand_in
from scripts.cluster.pods import named
from scripts.local.issuer import AUDIENCE, ISSUER

CHART = PROJECT / "charts/todo-app"
RECORD = "taskflow-deployed"  # the ConfigMap that says what the release was made from
Values = dict[str, Any]  # of the chart; its schema checks them


def kafka_address(options: Options) -> str:
    """The Kafka that is named, or the one that the chart makes."""
    return options.kafka or f"taskflow-kafka-kafka-bootstrap.{NAMESPACE}.svc.cluster.local:9092"


def values(options: Options, image: Image, have: AbstractSet[str]) -> Values:
    """What differs from values-local.yaml on this cluster."""
    peers = {"podSelector": {"matchLabels": {"app.kubernetes.io/managed-by": "deploy-local"}}}
    wanted: Values = {
        "image": {"repository": REPOSITORY, "digest": image.digest},
        "auth": {"issuer": ISSUER, "audience": AUDIENCE, "jwksUrl": objects.JWKS_URL},
        "cors": {"allowedOrigins": ["http://localhost:3000", "http://localhost:5173"]},
        "domains": {"enabled": False},
        "secrets": {"mode": "existing"},
        "networkPolicy": {
            "postgres": {"to": [peers]},
            "extraEgress": [{"to": [peers], "ports": [{"port": 8080}]}],
        },
    }
    if needs_stand_in(have):
        wanted["eventing"] = {"dataPlane": False}
    if options.kafka:
        wanted["kafka"] = {
            "bootstrapServers": options.kafka,
            "strimzi": {"enabled": False},
            "topics": {"manage": "job"},
        }
    return wanted


def fingerprint(wanted: Mapping[str, Any]) -> str:
    """Changes when the chart's files or the values do."""
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode())
    for path in sorted(CHART.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(CHART).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def deployed(wanted: Mapping[str, Any]) -> bool:
    """Whether the release stands as it would be installed now: Helm makes a revision of nothing, too."""
    found = read("configmap", RECORD, "--namespace", NAMESPACE)
    return bool(found and found["data"] == {**_record(wanted), **_now()})


def remember(wanted: Mapping[str, Any]) -> None:
    """After an installation that has become ready."""
    apply([named("ConfigMap", RECORD, data={**_record(wanted), **_now()})])


def _now() -> dict[str, str]:
    """Helm's revision and how it stands: another one means that somebody has changed the release since."""
    listed = json.loads(run("helm", "list", "--namespace", NAMESPACE, "--output", "json"))
    release = next((item for item in listed if item["name"] == RELEASE), None)
    if release is None:
        return {"status": "absent"}
    return {"status": str(release["status"]), "revision": str(release["revision"])}


def recorded() -> Values:
    """The values that the last installation was made with; e2e-cluster changes one and installs again."""
    found = read("configmap", RECORD, "--namespace", NAMESPACE)
    if not found:
        raise CommandFailed(f"nothing was installed by scripts/deploy-local.sh in {NAMESPACE}: run it first")
    values: Values = json.loads(found["data"]["values"])
    return values


def _record(wanted: Mapping[str, Any]) -> dict[str, str]:
    return {"fingerprint": fingerprint(wanted), "values": json.dumps(wanted, sort_keys=True)}


def write(wanted: Mapping[str, Any], folder: Path) -> Path:
    """The values as a file that Helm reads; it holds no secret."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(dict(wanted), sort_keys=True))
    return file


def install(file: Path, *, seconds: int = 600) -> None:
    """scripts/helm-deploy: rolls back by itself when the release does not become ready in time."""
    command = (str(PROJECT / "scripts/helm-deploy"), "--values", str(CHART / "values-local.yaml"))
    run(*command, "--values", str(file), "--timeout", str(seconds), seconds=2 * seconds + 60)
