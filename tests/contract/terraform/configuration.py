"""Terraform's files as values: what one folder declares, calls and refers to."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

PROJECT = Path(__file__).resolve().parents[3]
TERRAFORM = PROJECT / "terraform"
CLOUDS = ("oke", "aks", "gke")
ENVIRONMENTS = ("dev", "staging", "prod")
ROOTS = [TERRAFORM / cloud for cloud in CLOUDS]
MODULES = sorted(path for path in (TERRAFORM / "modules").iterdir() if path.is_dir())
FILES = sorted(p for p in TERRAFORM.rglob("*") if p.suffix in {".tf", ".tfvars", ".tfbackend"})
_MARKS = {"__is_block__", "__comments__", "__inline_comments__"}


def plain(found: Any) -> Any:
    """Without the parser's marks; texts without their quotes, expressions stay "${…}"."""
    if isinstance(found, dict):
        return {plain(name): plain(value) for name, value in found.items() if name not in _MARKS}
    if isinstance(found, list):
        return [plain(one) for one in found]
    if isinstance(found, str) and len(found) > 1 and found[0] == found[-1] == '"':
        return found[1:-1]
    return found


def read(path: Path) -> dict[str, Any]:
    with path.open() as file:
        document: dict[str, Any] = plain(hcl2.load(file))
    return document


@dataclass
class Folder:
    """One root or module."""

    path: Path
    variables: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    local: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, Any] = field(default_factory=dict)
    resources: dict[tuple[str, str], Any] = field(default_factory=dict)
    data: dict[tuple[str, str], Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All code, without comments."""
        return "\n".join(uncommented(file.read_text()) for file in sorted(self.path.glob("*.tf")))

    @property
    def required(self) -> set[str]:
        return {name for name, one in self.variables.items() if "default" not in one}

    def references(self, kind: str) -> set[str]:
        return set(re.findall(rf"(?<![\w.]){kind}\.(\w+)", self.text))


@cache
def folder(path: Path) -> Folder:
    found = Folder(path)
    for file in sorted(path.glob("*.tf")):
        document = read(file)
        for kind, into in (
            ("variable", found.variables),
            ("output", found.outputs),
            ("module", found.modules),
        ):
            for block in document.get(kind, []):
                into.update(block)
        for kind, typed in (("resource", found.resources), ("data", found.data)):
            for block in document.get(kind, []):
                typed.update({(k, name): body for k, named in block.items() for name, body in named.items()})
        for block in document.get("locals", []):
            found.local.update(block)
        for block in document.get("terraform", []):
            found.settings.update(block)
    return found


def source(call: dict[str, Any], caller: Path) -> Path:
    return (caller / call["source"]).resolve()


def uncommented(text: str) -> str:
    return re.sub(r"(^|\s)#(?=\s).*", r"\1", text)
