"""Reads the two duration notations of the manifests; called by manifests.py."""

import re

_ISO = re.compile(r"^P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?$")
_GO = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_GO_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def iso_seconds(text: str) -> float:
    """Seconds of an ISO-8601 duration such as `PT0.5S` (delivery specs); ValueError otherwise."""
    match = _ISO.match(text)
    if match is None or text in ("P", "PT") or text.endswith("T"):
        raise ValueError(f"{text!r} is not an ISO-8601 duration such as PT0.5S")
    parts = {unit: float(value or 0) for unit, value in match.groupdict().items()}
    return parts["d"] * 86400 + parts["h"] * 3600 + parts["m"] * 60 + parts["s"]


def go_seconds(text: str) -> float:
    """Seconds of a Go duration such as `1m30s` (autoscaling annotations); ValueError otherwise."""
    parts = _GO.findall(text)
    if not parts or "".join(value + unit for value, unit in parts) != text:
        raise ValueError(f"{text!r} is not a Go duration such as 10s or 1m30s")
    return sum(float(value) * _GO_SECONDS[unit] for value, unit in parts)
