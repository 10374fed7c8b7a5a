"""What a deployment would change, as a unified diff an object. Used by `scripts/helm-deploy --dry-run`."""

import difflib
from collections.abc import Iterable
from typing import Any

import yaml


def objects(text: str) -> list[dict[str, Any]]:
    """Of a stream of YAML documents."""
    return [found for found in yaml.safe_load_all(text) if found]


def differences(before: str, after: str) -> list[str]:
    """Lines of the diff, object by object; none when nothing would change."""
    old, new = _by_name(objects(before)), _by_name(objects(after))
    lines: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        lines += difflib.unified_diff(
            old.get(name, []), new.get(name, []), f"deployed {name}", f"new {name}", lineterm=""
        )
    return lines


def _by_name(found: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    return {
        f"{o['kind']} {o['metadata']['name']}": yaml.safe_dump(o, sort_keys=True).splitlines() for o in found
    }
