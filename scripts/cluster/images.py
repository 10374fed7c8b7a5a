"""The two images of a local cluster, built without a container runtime and put into the cluster's own store.

`taskflow` is the one that production runs. `taskflow-local` is the same plus one layer that only a local
cluster needs: PostgreSQL, the delivery code of the local platform, a shell for initdb.
"""

import hashlib
import json
import re
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.bootstrap import PROJECT
from scripts.cluster.kubectl import items, run
from scripts.cluster.options import NAME, Options
from scripts.oci import bytecode, command, debian, layout, tree, wheels
from scripts.oci.layers import Layer, layer

REPOSITORY = "dev.local/taskflow"  # Knative does not ask a registry about dev.local
LOCAL_LOCK = "requirements-local.lock"
_SHELL = ("dash",)  # initdb starts postgres through it
_SCRIPTS = "app/scripts"
_PARTS = ("functions", "shared", "scripts")


@dataclass(frozen=True)
class Image:
    """An archive that container stores import, and what its image is called."""

    repository: str
    digest: str
    archive: Path

    @property
    def reference(self) -> str:
        return f"{self.repository}@{self.digest}"


def build(wish: tree.Wish, output: Path) -> tuple[Image, Image]:
    """The function's image and the local one; those of the last run if nothing has changed since."""
    sources = fingerprint(PROJECT, wish.architecture)
    record = output / "built.json"
    if kept := _kept(record, sources):
        return kept
    built = command.build(wish)
    extra = _extra_layer(wish)
    function = _write(REPOSITORY, built.layers, built.sbom, wish, output)
    local = _write(f"{REPOSITORY}-local", (*built.layers, extra), built.sbom, wish, output)
    images = [[image.repository, image.digest, str(image.archive)] for image in (function, local)]
    record.write_text(json.dumps({"sources": sources, "images": images}))
    return function, local


def fingerprint(project: Path, architecture: str) -> str:
    """Changes when a file does that an image is made from."""
    digest = hashlib.sha256(architecture.encode())
    locks = (project / "requirements.lock", project / LOCAL_LOCK, project / "versions.yaml")
    for path in (*locks, *(file for part in _PARTS for file in sorted((project / part).rglob("*")))):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(project).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _kept(record: Path, sources: str) -> tuple[Image, Image] | None:
    try:
        found = json.loads(record.read_text())
    except (OSError, ValueError):
        return None
    images = [Image(name, digest, Path(archive)) for name, digest, archive in found["images"]]
    if found["sources"] != sources or not all(image.archive.is_file() for image in images):
        return None
    return images[0], images[1]


def extra_requirements(base_lock: str, local_lock: str) -> str:
    """What the local lock pins and the base does not, as a lock of its own."""
    there = set(_requirements(base_lock))
    return "\n".join(block for block in _requirements(local_lock) if block not in there) + "\n"


def _requirements(lock: str) -> list[str]:
    """Each requirement with its hashes."""
    return [block.strip() for block in re.split(r"\n(?=\S)", lock) if block.strip()]


def _extra_layer(wish: tree.Wish) -> Layer:
    with tempfile.TemporaryDirectory(prefix="taskflow-local-") as scratch:
        root, lock = Path(scratch, "root"), Path(scratch, "extra.lock")
        lock.write_text(
            extra_requirements(
                (PROJECT / "requirements.lock").read_text(), (PROJECT / LOCAL_LOCK).read_text()
            )
        )
        (root / "usr/bin").mkdir(parents=True)
        (root / "bin").symlink_to("usr/bin")
        into = wish.downloads / "local"
        into.mkdir(parents=True, exist_ok=True)
        for package in _shell(wish, into):
            debian.unpack(package, root)
        wheelhouse = into / f"wheels-{wish.architecture}"
        if not wish.offline:
            wheels.download(lock, architecture=wish.architecture, python=wish.python, into=wheelhouse)
        wheels.install(lock, wheelhouse, architecture=wish.architecture, python=wish.python, root=root)
        _copy_scripts(root)
        bytecode.compile_all(root, (wheels.PLACE, _SCRIPTS), python=wish.python)
        (root / "bin").unlink()  # the base has it
        return layer("local cluster", root)


def _shell(wish: tree.Wish, into: Path) -> tuple[debian.Package, ...]:
    if wish.offline:
        return debian.present(architecture=wish.architecture, into=into)
    return debian.fetch(_SHELL, architecture=wish.architecture, into=into)


def _copy_scripts(root: Path) -> None:
    for file in sorted((PROJECT / "scripts").rglob("*.py")):
        target = root / "app" / file.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())


def _write(repository: str, layers: Sequence[Layer], sbom: bytes, wish: tree.Wish, output: Path) -> Image:
    made = layout.image(layers, architecture=wish.architecture, labels=command.labels(None), sbom=sbom)
    digest = str(made.manifest["digest"])
    archive = output / f"{repository.rpartition('/')[2]}.tar"
    output.mkdir(parents=True, exist_ok=True)
    names = (f"{repository}:{digest.removeprefix('sha256:')[:12]}", f"{repository}@{digest}")
    layout.archive(made, names, archive)
    return Image(repository, digest, archive)


def load_command(options: Options, archive: Path) -> tuple[str, ...]:
    """How an archive gets into the cluster's store."""
    if options.cluster == "kind":
        return ("kind", "load", "image-archive", str(archive), "--name", NAME)
    if options.cluster == "minikube":
        return ("minikube", "--profile", NAME, "image", "load", str(archive))
    assert options.image_load, "preflight has asked for it"
    return (*shlex.split(options.image_load), str(archive))


def load(options: Options, image: Image) -> None:
    """Puts an image in; harmless when it is there."""
    run(*load_command(options, image.archive), seconds=600)


def loaded() -> set[str]:
    """The names of the images that every node has, as the kubelets report them (50 names a node at most)."""
    found = [
        {name for image in node["status"].get("images", []) for name in image["names"]}
        for node in items("nodes")
    ]
    return set.intersection(*found) if found else set()
