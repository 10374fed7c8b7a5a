"""What a local cluster gets beside the chart: database, issuer and the data plane's stand-in."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from scripts.cluster import secrets
from scripts.cluster.options import NAMESPACE
from scripts.cluster.pods import Object, Pod, deployment, job, named, service

DATABASE, ISSUER, STAND_IN = "taskflow-postgresql", "taskflow-issuer", "taskflow-data-plane"
DATABASE_HOST = f"{DATABASE}.{NAMESPACE}.svc.cluster.local"
JWKS_URL = f"http://{ISSUER}.{NAMESPACE}.svc.cluster.local/api/auth/jwks"
_PORT = 8080
_SCRATCH: Mapping[str, object] = {"emptyDir": {}}


def namespace() -> Object:
    """Pods below the level `restricted` are refused."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"app.kubernetes.io/part-of": "taskflow", **levels}},
    }


def secret(name: str, data: Mapping[str, str]) -> Object:
    """An Opaque Secret."""
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return named("Secret", name, type="Opaque", data=encoded)


def database(image: str, *, persistent: bool) -> list[Object]:
    """PostgreSQL with its data in a claim, or in the pod's own directory where no storage class exists."""
    volume = {"persistentVolumeClaim": {"claimName": DATABASE}} if persistent else {"emptyDir": {}}
    pod = Pod(
        name=DATABASE,
        image=image,
        command=("python", "-m", "scripts.cluster.postgres_server"),
        env={"PGDATA": "/var/lib/postgresql/data", "ADMIN_PASSWORD_FILE": "/run/admin/password"},
        volumes={
            "/var/lib/postgresql": volume,
            "/run/admin": {"secret": {"secretName": secrets.ADMIN}},
            "/tmp": _SCRATCH,  # noqa: S108  # of the pod
        },
        port=5432,
        ready={"tcpSocket": {"port": 5432}, "periodSeconds": 2},
        memory=384,
        cpu="100m",
    )
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    claim = [named("PersistentVolumeClaim", DATABASE, spec=spec)] if persistent else []
    return [*claim, deployment(pod), service(DATABASE, 5432, 5432)]


def roles_job(image: str) -> Object:
    """Makes the database, its roles and the newest schema; the chart's own hook migrates later releases."""
    pod = Pod(
        name="taskflow-roles",
        image=image,
        command=("python", "-m", "scripts.cluster.roles_job"),
        volumes={
            "/run/admin": {"secret": {"secretName": secrets.ADMIN}},
            "/run/database": {"secret": {"secretName": secrets.DATABASE}},
            "/tmp": _SCRATCH,  # noqa: S108  # of the pod
        },
        memory=256,
    )
    return job(pod)


def issuer(image: str, jwks: Mapping[str, object]) -> list[Object]:
    """Serves the public key of the local issuer; `scripts/deploy-local.sh` prints how to get a token."""
    config = named("ConfigMap", ISSUER, data={"jwks": json.dumps(jwks)})
    pod = Pod(
        name=ISSUER,
        image=image,
        command=("python", "-m", "http.server", str(_PORT), "--directory", "/srv"),
        volumes={"/srv/api/auth": {"configMap": {"name": ISSUER}}},
        port=_PORT,
        ready={"httpGet": {"path": "/api/auth/jwks", "port": _PORT}, "periodSeconds": 2},
        memory=64,
        grace=5,
    )
    return [config, deployment(pod), service(ISSUER, 80, _PORT)]


def manifests(project: Path) -> list[Object]:
    """`knative/` and `eventing/` as two ConfigMaps, for the pods that read them."""
    return [
        named(
            "ConfigMap",
            f"taskflow-{folder}",
            data={path.name: path.read_text() for path in sorted((project / folder).glob("*.yaml"))},
        )
        for folder in ("knative", "eventing")
    ]


def stand_in(image: str, kafka: str, project: Path) -> list[Object]:
    """The data plane's stand-in (stand_in.py)."""
    pod = Pod(
        name=STAND_IN,
        image=image,
        command=("python", "-m", "scripts.cluster.stand_in"),
        env=_reading(kafka) | {"DECLARED": _fingerprint(project)},
        volumes=_mounted(),
        port=_PORT,
        ready={"httpGet": {"path": "/status.json", "port": _PORT}, "periodSeconds": 2, "timeoutSeconds": 5},
        memory=192,
        cpu="50m",
    )
    return [deployment(pod), service(STAND_IN, 80, _PORT)]


def _reading(kafka: str) -> dict[str, str]:
    return {"MANIFESTS": "/manifests", "KAFKA_BOOTSTRAP_SERVERS": kafka}


def _mounted() -> dict[str, Mapping[str, object]]:
    folders = ("knative", "eventing")
    mounts: dict[str, Mapping[str, object]] = {
        f"/manifests/{folder}": {"configMap": {"name": f"taskflow-{folder}"}} for folder in folders
    }
    return {**mounts, "/tmp": _SCRATCH}  # noqa: S108  # of the pod


def _fingerprint(project: Path) -> str:
    """A pod does not start again when a ConfigMap changes: this makes it another pod."""
    files = [path for folder in ("knative", "eventing") for path in sorted((project / folder).glob("*.yaml"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def network() -> list[Object]:
    """The release lets nothing through the namespace that it does not name; these pods are ours to name."""
    ours = {"matchLabels": {"app.kubernetes.io/managed-by": "deploy-local"}}
    spec = {
        "podSelector": ours,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {}}]}],
        "egress": [{}],
    }
    return [named("NetworkPolicy", "taskflow-local", api="networking.k8s.io/v1", spec=spec)]
