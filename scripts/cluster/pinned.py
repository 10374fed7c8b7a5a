"""versions.yaml as this folder needs it: flat names, and the addresses of the releases that it pins."""

from collections.abc import Mapping
from typing import Any

import yaml

from scripts.bootstrap import PROJECT

_KNATIVE = "https://github.com/{owner}/{repository}/releases/download/knative-v{version}/{file}.yaml"
# part → (owner, repository, key of versions.yaml, files in the order of their application)
RELEASES: Mapping[str, tuple[str, str, str, tuple[str, ...]]] = {
    "serving": ("knative", "serving", "knative.serving", ("serving-crds", "serving-core")),
    "kourier": ("knative-extensions", "net-kourier", "knative.kourier", ("kourier",)),
    "eventing": ("knative", "eventing", "knative.eventing", ("eventing-crds", "eventing-core")),
    "data-plane": (
        "knative-extensions",
        "eventing-kafka-broker",
        "knative.kafka-broker",
        (
            "eventing-kafka-controller",
            "eventing-kafka-source",
            "eventing-kafka-broker",
            "eventing-kafka-sink",
        ),
    ),
}


def pinned() -> dict[str, str]:
    """Every version, with dots between the levels: `knative.serving`."""
    return flat(yaml.safe_load((PROJECT / "versions.yaml").read_text()))


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested mapping as one level."""
    found: dict[str, str] = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = str(value)
    return found


def addresses(part: str, versions: Mapping[str, str]) -> tuple[str, ...]:
    """The files of a release, in the order in which they are applied."""
    owner, repository, key, files = RELEASES[part]
    return tuple(
        _KNATIVE.format(owner=owner, repository=repository, version=versions[key], file=file)
        for file in files
    )
