"""Trigger filters: the dialects exact, prefix, suffix, all, any and not; called by manifests and sources.

Semantics of CloudEvents Subscriptions 0.1 as the Kafka data plane has them: an absent attribute never
matches exact, prefix or suffix. There is no filtering on data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Match:
    """Every named attribute compares (`exact`, `prefix` or `suffix`) with its text."""

    how: str
    attributes: tuple[tuple[str, str], ...]

    def __call__(self, event: Mapping[str, str]) -> bool:
        return all(name in event and self._compare(event[name], text) for name, text in self.attributes)

    def _compare(self, value: str, text: str) -> bool:
        if self.how == "prefix":
            return value.startswith(text)
        if self.how == "suffix":
            return value.endswith(text)
        return value == text


@dataclass(frozen=True)
class All:
    """Every part matches; with no parts everything does."""

    parts: "tuple[Filter, ...]"

    def __call__(self, event: Mapping[str, str]) -> bool:
        return all(part(event) for part in self.parts)


@dataclass(frozen=True)
class AnyOf:
    """At least one part matches."""

    parts: "tuple[Filter, ...]"

    def __call__(self, event: Mapping[str, str]) -> bool:
        return any(part(event) for part in self.parts)


@dataclass(frozen=True)
class Not:
    """The part does not match."""

    part: "Filter"

    def __call__(self, event: Mapping[str, str]) -> bool:
        return not self.part(event)


Filter = Match | All | AnyOf | Not
EVERYTHING: Filter = All(())


def parse_filters(filters: object) -> Filter:
    """The conjunction of `spec.filters`; ValueError names what is wrong."""
    if not isinstance(filters, list):
        raise ValueError("filters must be a list of dialects, not a map")  # noqa: TRY004  # of the manifest, not of the caller
    return All(tuple(_dialect(item) for item in filters))


def parse_attributes(attributes: Mapping[str, Any]) -> Filter:
    """The legacy `spec.filter.attributes`: exact, where an empty text stands for any value."""
    return Match("exact", tuple((name, str(text)) for name, text in attributes.items() if text != ""))


def _dialect(item: object) -> Filter:
    if not isinstance(item, dict) or len(item) != 1:
        raise ValueError("each filter must be a map with exactly one dialect")
    name, value = next(iter(item.items()))
    if name in ("exact", "prefix", "suffix"):
        return _match(name, value)
    if name in ("all", "any"):
        return (All if name == "all" else AnyOf)(_parts(name, value))
    if name == "not":
        return Not(_dialect(value))
    raise ValueError(f"the dialect {name!r} is not implemented; use exact, prefix, suffix, all, any or not")


def _match(how: str, value: object) -> Filter:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{how} must be a map of attribute to text")
    for name, text in value.items():
        if not isinstance(text, str) or not text:
            raise ValueError(f"{how}.{name} must be a non-empty string (quote it)")
    return Match(how, tuple(value.items()))


def _parts(name: str, value: object) -> tuple[Filter, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a non-empty list of filters")
    return tuple(_dialect(part) for part in value)
