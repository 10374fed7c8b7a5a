"""Writes an OCI image layout, and the archive of it that container stores import; called by `command`.

Formats: OCI image specification 1.1 (image-layout, manifest, config). The archive also holds `manifest.json`,
for tools that read what `docker save` writes.
"""

import io
import json
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.oci.base import CERTIFICATES, HOME, USER
from scripts.oci.layers import MEDIA_TYPE, Layer, digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
SBOM = "application/vnd.cyclonedx+json"
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": HOME,
    "PYTHONPATH": "/app:/opt/taskflow",
    "PYTHONDONTWRITEBYTECODE": "1",  # the root is read-only and everything is compiled
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    "SSL_CERT_FILE": f"/{CERTIFICATES}",  # libpq brings an OpenSSL that looks elsewhere
}
COMMAND = ("python", "-m", "shared.runtime.serve")
_EPOCH = "1970-01-01T00:00:00Z"  # a time would be another digest for the same files
Json = Mapping[str, Any]  # documents of the specification


@dataclass(frozen=True)
class Image:
    """Every blob by digest, and which of them is the manifest."""

    blobs: Mapping[str, bytes]
    manifest: Json  # a descriptor
    attached: Json  # the descriptor of the list of parts
    document: Json  # the manifest itself


def image(layers: Sequence[Layer], *, architecture: str, labels: Mapping[str, str], sbom: bytes) -> Image:
    """Puts a manifest and a configuration around the layers, and attaches the list of parts to it."""
    blobs = {layer.digest: layer.data for layer in layers}
    config = _stored(blobs, CONFIG, _json(_configuration(layers, architecture, labels)))
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [
            {"mediaType": MEDIA_TYPE, "digest": layer.digest, "size": len(layer.data)} for layer in layers
        ],
        "annotations": dict(labels),
    }
    platform = {"architecture": architecture, "os": "linux"}
    manifest = {**_stored(blobs, MANIFEST, _json(document)), "platform": platform}
    referrer = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": SBOM,
        "config": _stored(blobs, EMPTY, b"{}"),
        "layers": [_stored(blobs, SBOM, sbom)],
        "subject": {key: manifest[key] for key in ("mediaType", "digest", "size")},
    }
    attached = {**_stored(blobs, MANIFEST, _json(referrer)), "artifactType": SBOM}
    return Image(blobs, manifest, attached, document)


def write(made: Image, names: Sequence[str], directory: Path) -> None:
    """The layout, in place of what was there."""
    shutil.rmtree(directory, ignore_errors=True)
    for name, data in _files(made, names, [made.attached], made.blobs).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def archive(made: Image, names: Sequence[str], file: Path) -> None:
    """The image alone: what `ctr images import`, `kind load image-archive` and `minikube image load` take."""
    descriptors = [made.document["config"], *made.document["layers"], made.manifest]
    blobs = {d["digest"]: made.blobs[d["digest"]] for d in descriptors}
    members = _files(made, names, [], blobs)
    members["manifest.json"] = _json([_legacy(made, names)])
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as out:
        for name in sorted(members):
            info = tarfile.TarInfo(name)
            info.size = len(members[name])
            out.addfile(info, io.BytesIO(members[name]))


def _configuration(layers: Sequence[Layer], architecture: str, labels: Mapping[str, str]) -> Json:
    return {
        "created": _EPOCH,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "ExposedPorts": {"8080/tcp": {}},
            "Env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
            "Cmd": list(COMMAND),
            "WorkingDir": "/app",
            "Labels": dict(labels),
            "StopSignal": "SIGTERM",
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": _EPOCH, "created_by": f"scripts/image: {layer.title}"} for layer in layers],
    }


def _files(
    made: Image, names: Sequence[str], others: Sequence[Json], blobs: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Each name is an entry of the index: one with a tag, one with the digest, as clusters ask for it."""
    named = [
        {
            **made.manifest,
            "annotations": {
                "io.containerd.image.name": name,
                "org.opencontainers.image.ref.name": name.rpartition(":")[2],
            },
        }
        for name in names
    ]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*named, *others]}
    return {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json(index),
        **{f"blobs/{name.replace(':', '/')}": data for name, data in blobs.items()},
    }


def _legacy(made: Image, names: Sequence[str]) -> Json:
    def path(of: str) -> str:
        return f"blobs/{of.replace(':', '/')}"

    return {
        "Config": path(made.document["config"]["digest"]),
        "RepoTags": [name for name in names if "@" not in name],
        "Layers": [path(layer["digest"]) for layer in made.document["layers"]],
    }


def _stored(blobs: dict[str, bytes], media_type: str, data: bytes) -> dict[str, Any]:
    blobs[digest(data)] = data
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def _json(document: Any) -> bytes:  # Any: whatever json takes
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
