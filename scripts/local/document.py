"""Reads YAML manifests and walks them with their place in mind: every complaint names file and path."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.local.model import ManifestError

try:  # libyaml's parser takes a tenth of the time; the wheels have it, a build from source may not
    from yaml import CSafeLoader as _Loader
except ImportError:
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]  # the same interface


class _StrictLoader(_Loader):
    """Refuses a key that is given twice; YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # PyYAML's
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {min(map(str, twice))!r} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def read(path: Path) -> list[dict[str, Any]]:
    """Every YAML document of a file."""
    try:
        documents = [
            item for item in yaml.load_all(path.read_text(), Loader=_StrictLoader) if item is not None
        ]
    except yaml.YAMLError as error:
        raise ManifestError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not all(isinstance(item, dict) for item in documents):
        raise ManifestError(f"{path}: a manifest must be a map")
    return documents


@dataclass(frozen=True)
class Node:
    """A value inside a manifest; absent values are nodes too (`value` None)."""

    file: str
    path: str
    value: Any  # whatever YAML held

    def __getitem__(self, key: str) -> "Node":
        value = self.value.get(key) if isinstance(self.value, Mapping) else None
        plain = key.replace("_", "").isalnum()
        return Node(
            self.file, (f"{self.path}.{key}" if plain else f'{self.path}["{key}"]').lstrip("."), value
        )

    def __iter__(self) -> Iterator["Node"]:
        if self.value is not None and not isinstance(self.value, list):
            raise self.error("must be a list")
        for index, item in enumerate(self.value or ()):
            yield Node(self.file, f"{self.path}[{index}]", item)

    def __bool__(self) -> bool:
        return self.value is not None

    def error(self, reason: str) -> ManifestError:
        return ManifestError(f"{self.file}: {self.path}: {reason}")

    def text(self, default: str | None = None) -> str:
        """A string; required when no default is given."""
        if self.value is None and default is not None:
            return default
        if not isinstance(self.value, str) or (not self.value and default is None):
            raise self.error("must be a string (quote it)" if self.value is not None else "is missing")
        return self.value

    def choice(self, *allowed: str, default: str) -> str:
        value = self.text(default)
        if value not in allowed:
            raise self.error(f"{value!r} is not one of {', '.join(allowed)}")
        return value

    def integer(self, default: int, *, least: int = 0) -> int:
        value = default if self.value is None else self.value
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.error(f"must be an integer ≥ {least}")
        return value

    def texts(self) -> dict[str, str]:
        """A map of strings."""
        value = self.value if self.value is not None else {}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise self.error("must be a map of strings (quote the values)")
        return value
