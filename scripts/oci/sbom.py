"""The list of parts of an image, as CycloneDX 1.6, made from the unpacked files and not from the
requirements.

Called by `command`; `layout` attaches it.
"""

import importlib.metadata
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.oci.debian import Package

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def document(
    *, packages: Sequence[Package], site: Path, wheels: Mapping[str, str], name: str, version: str
) -> bytes:
    """`wheels` are the SHA-256 of the files that were unpacked into `site`, by canonical name."""
    distributions = sorted(
        importlib.metadata.distributions(path=[str(site)]), key=lambda d: canonical(d.metadata["Name"])
    )
    components = [
        *(_debian(package) for package in packages),
        *(_python(distribution, wheels) for distribution in distributions),
    ]
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": name, "name": name, "version": version},
            "tools": {"components": [{"type": "application", "name": "scripts/image"}]},
        },
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": [c["bom-ref"] for c in components]}],
    }
    return json.dumps(made, indent=1, sort_keys=True).encode() + b"\n"


def canonical(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and permitted SHA-256 by canonical name, of a requirements file with hashes."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for entry in lock.replace("\\\n", " ").splitlines():
        if pin := _PINNED.match(entry):
            found[canonical(pin[1])] = (pin[2], frozenset(_HASH.findall(entry)))
    return found


def _python(distribution: importlib.metadata.Distribution, wheels: Mapping[str, str]) -> dict[str, Any]:
    name, version = canonical(distribution.metadata["Name"]), distribution.version
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        "purl": f"pkg:pypi/{name}@{version}",
        "name": name,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": wheels[name]}],
    }
    if found := distribution.metadata.get_all("License-Expression"):
        component["licenses"] = [{"expression": found[0]}]
    return component


def _debian(package: Package) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{package.name}@{package.version}?arch={package.architecture}&distro=debian-12"
    return {
        "type": "library",
        "bom-ref": purl,
        "purl": purl,
        "name": package.name,
        "version": package.version,
        "hashes": [{"alg": "SHA-256", "content": package.sha256}],
    }
