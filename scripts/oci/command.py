"""`scripts/image`: the image of every function as an OCI layout, without a container runtime or a registry.

Writes into --output: layout/ (with the list of parts attached), image.tar (for ctr, kind, minikube, podman),
sbom.cdx.json and digest. The same sources and packages give the same digest.
"""

import argparse
import hashlib
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from scripts.bootstrap import PROJECT
from scripts.oci import layout, sbom, sizes, tree, wheels
from scripts.oci.debian import Package
from scripts.oci.errors import CannotBuild
from scripts.oci.layers import Layer, layer
from scripts.oci.tree import Wish

PLATFORMS = {"linux/amd64": "amd64", "linux/arm64": "arm64"}
NAME = "ghcr.io/taskflow/taskflow"  # what the manifests name


@dataclass(frozen=True)
class Built:
    """The layers from the bottom up, their parts and sizes."""

    layers: tuple[Layer, ...]
    sbom: bytes
    sizes: Mapping[str, int]


def main(arguments: Sequence[str]) -> int:
    """0 when it is written; 1 with one line when it cannot be made or is too large."""
    choice = _options(arguments)
    output = Path(choice.output or PROJECT / ".taskflow/image" / PLATFORMS[choice.platform])
    versions = yaml.safe_load((PROJECT / "versions.yaml").read_text())
    downloads = Path(choice.downloads or PROJECT / ".taskflow/image/downloads")
    wish = Wish(PLATFORMS[choice.platform], str(versions["python"]), downloads.absolute(), choice.offline)
    try:
        built = within(build(wish), sizes.LIMIT)
    except CannotBuild as error:
        print(f"scripts/image: {error}", file=sys.stderr)
        return 1
    made = layout.image(
        built.layers, architecture=wish.architecture, labels=labels(choice.revision), sbom=built.sbom
    )
    _write(built, made, repository=choice.name, tag=choice.tag, output=output)
    return 0


def build(wish: Wish) -> Built:
    """Fetches, unpacks, compiles and packs in a directory of its own; raises CannotBuild."""
    wish.downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="taskflow-image-") as scratch:
        roots = {part: Path(scratch, part) for part in tree.PARTS}
        for root in roots.values():
            root.mkdir()
        packages = tree.make_base(roots["base"], wish)
        wheelhouse = tree.make_dependencies(roots["dependencies"], wish)
        tree.make_application(roots["application"], wish)
        made = tuple(layer(part, root) for part, root in roots.items())
        parts = _sbom(roots["dependencies"], packages, wheelhouse)
        return Built(made, parts, sizes.by_part(roots.values()))


def within(built: Built, limit: int) -> Built:
    """`built`, or CannotBuild if it takes more than `limit` bytes unpacked."""
    if (size := sum(built.sizes.values())) > limit:
        raise CannotBuild(
            f"{sizes.megabytes(size)} unpacked are more than {sizes.megabytes(limit)}: {_parts(built)}"
        )
    return built


def labels(revision: str | None) -> dict[str, str]:
    """What describes the image in registries; a revision only if given, since it changes the digest."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    said = {
        "title": project["name"],
        "description": project["description"],
        "version": project["version"],
        "licenses": project["license"],
    }
    if revision:
        said["revision"] = revision
    return {f"org.opencontainers.image.{key}": value for key, value in sorted(said.items())}


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--platform", choices=sorted(PLATFORMS), default="linux/amd64")
    add("--output", metavar="DIR", help="default .taskflow/image/ARCHITECTURE")
    add("--downloads", metavar="DIR", help="keeps packages and wheels; default .taskflow/image/downloads")
    add("--offline", action="store_true", help="take what an earlier run has left in --downloads")
    add("--name", default=NAME, help=f"repository in the archive and the layout (default {NAME})")
    add("--tag", help="default: the first 12 digits of the digest")
    add("--revision", metavar="COMMIT", help="label it with the commit")
    return parser.parse_args(arguments)


def _sbom(root: Path, packages: Sequence[Package], wheelhouse: Path) -> bytes:
    permitted = sbom.locked(tree.LOCK.read_text())
    unpacked: dict[str, str] = {}
    for file in sorted(wheelhouse.glob("*.whl")):
        name = sbom.canonical(file.name.split("-")[0])
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        if sha256 in permitted.get(name, ("", frozenset()))[1]:
            unpacked[name] = sha256
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return sbom.document(
        packages=packages,
        site=root / wheels.PLACE,
        wheels=unpacked,
        name=project["name"],
        version=project["version"],
    )


def _write(built: Built, made: layout.Image, *, repository: str, tag: str | None, output: Path) -> None:
    name = made.manifest["digest"]
    names = (f"{repository}:{tag or name.removeprefix('sha256:')[:12]}", f"{repository}@{name}")
    output.mkdir(parents=True, exist_ok=True)
    layout.write(made, names, output / "layout")
    layout.archive(made, names, output / "image.tar")
    (output / "sbom.cdx.json").write_bytes(built.sbom)
    (output / "digest").write_text(f"{name}\n")
    for each in built.layers:
        print(f"layer    {each.title:<13} {sizes.megabytes(len(each.data)):>9} packed  {each.digest}")
    print(f"unpacked {sizes.megabytes(sum(built.sizes.values()))}; largest: {_parts(built)}")
    print(f"wrote    {output}: layout/ image.tar sbom.cdx.json digest")
    print("names    " + " ".join(names))
    print(f"digest   {name}")


def _parts(built: Built) -> str:
    return ", ".join(f"{name} {sizes.megabytes(size)}" for name, size in sizes.largest(built.sizes))
