"""What Knative Serving's webhook refuses and its definitions let through, and what we ask beyond it.

From pkg/apis/serving (k8s_validation.go, fieldmask.go, metadata_validation.go) and pkg/apis/autoscaling of
Knative Serving 1.23. A rule yields complaints; `test_rules.py` breaks each.
"""

import re
from collections.abc import Iterator
from posixpath import normpath
from typing import Any

from scripts.local.durations import go_seconds
from tests.contract.manifests.given import Object

SCALING = "autoscaling.knative.dev/"
TEMPLATE_ONLY = (SCALING, "queue.sidecar.serving.knative.dev/", "dapr.io/")
VISIBILITY = "networking.knative.dev/visibility"
MOST_SECONDS = 600  # config-defaults: max-revision-timeout-seconds
RESERVED_PORTS = {8008, 8012, 8013, 8022, 8112, 9090, 9091}
RESERVED_VARIABLES = {"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"}
RESERVED_PATHS = {"/", "/dev", "/dev/log"}
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
WHOLE = {"min-scale", "max-scale", "initial-scale", "activation-scale"}
SECONDS = {
    "window": (6, 3600),
    "scale-down-delay": (0, 3600),
    "scale-to-zero-pod-retention-period": (0, 10**6),
}
NUMBERS = {
    "target": (0.01, 10**6),
    "target-utilization-percentage": (1, 100),
    "target-burst-capacity": (-1, 10**6),
}
WORDS = {"class": {"kpa.autoscaling.knative.dev"}, "metric": {"concurrency", "rps"}}
# Everything else is behind a flag of config-features that is off, or never allowed.
POD_FIELDS = {
    "automountServiceAccountToken", "containerConcurrency", "containers", "enableServiceLinks",
    "idleTimeoutSeconds", "imagePullSecrets", "responseStartTimeoutSeconds", "serviceAccountName",
    "timeoutSeconds", "volumes",
}  # fmt: skip
BOX_FIELDS = {
    "args", "command", "env", "envFrom", "image", "imagePullPolicy", "livenessProbe", "name", "ports",
    "readinessProbe", "resources", "securityContext", "startupProbe", "terminationMessagePath",
    "terminationMessagePolicy", "volumeMounts", "workingDir",
}  # fmt: skip
VOLUMES = {"name", "secret", "configMap", "projected", "emptyDir"}


def service(item: Object) -> Iterator[str]:
    """All rules of a Knative Service."""
    if item["kind"] != "Service" or not item["apiVersion"].startswith("serving."):
        return
    template = item["spec"]["template"]
    yield from _names(item, template)
    yield from _annotations(item, template.get("metadata", {}).get("annotations", {}))
    yield from _pod(template["spec"])
    yield from _volumes(template["spec"])
    for box in template["spec"]["containers"]:
        yield from _container(box)
        yield from _environment(box)
        yield from _ours(box)
    yield from _traffic(item["spec"].get("traffic", []))


def _names(item: Object, template: Object) -> Iterator[str]:
    name = item["metadata"]["name"]
    if not LABEL.fullmatch(name):
        yield f"{name} is no DNS label"
    revision = template.get("metadata", {}).get("name")
    if revision is not None and not (revision.startswith(f"{name}-") and LABEL.fullmatch(revision)):
        yield f"a revision's name is {name}-… with 63 characters at most, not {revision}"
    if item["metadata"].get("labels", {}).get(VISIBILITY, "cluster-local") != "cluster-local":
        yield f"{VISIBILITY} is cluster-local or absent"
    if VISIBILITY in template.get("metadata", {}).get("labels", {}):
        yield f"{VISIBILITY} belongs to the Service"


def _annotations(item: Object, annotations: dict[str, Any]) -> Iterator[str]:
    for key in item["metadata"].get("annotations", {}):
        if key.startswith(TEMPLATE_ONLY):
            yield f"{key} belongs to spec.template"
        if key in ("serving.knative.dev/creator", "serving.knative.dev/lastModifier"):
            yield f"{key} is set by the cluster and cannot change"
    scaling = {k.removeprefix(SCALING): str(v) for k, v in annotations.items() if k.startswith(SCALING)}
    for key, value in scaling.items():
        if not _fits(key, value):
            yield f"{SCALING}{key}: {value!r} is not a value that the autoscaler takes"
    least, most = scaling.get("min-scale", "0"), scaling.get("max-scale", "0")
    if least.isdigit() and most.isdigit() and 0 < int(most) < int(least):
        yield f"min-scale {least} is above max-scale {most}"
    if most == "0":
        yield "max-scale is missing: pods without limit are connections without limit"


def _fits(key: str, value: str) -> bool:
    try:
        if key in WHOLE:
            return value.isdigit() and (key != "activation-scale" or int(value) >= 2)
        if key in SECONDS:
            return SECONDS[key][0] <= go_seconds(value) <= SECONDS[key][1]
        if key in NUMBERS:
            return NUMBERS[key][0] <= float(value) <= NUMBERS[key][1]
    except ValueError:
        return False
    return value in WORDS.get(key, set())


def _pod(pod: Object) -> Iterator[str]:
    for field in sorted(set(pod) - POD_FIELDS):
        yield f"{field} is not allowed, or behind a flag that is off by default"
    if pod.get("automountServiceAccountToken"):
        yield "automountServiceAccountToken can only be false"
    timeout = pod.get("timeoutSeconds", 300)
    if not 1 <= timeout <= MOST_SECONDS:
        yield f"timeoutSeconds {timeout} is not within 1 to {MOST_SECONDS}"
    if pod.get("responseStartTimeoutSeconds", 0) > timeout:
        yield "responseStartTimeoutSeconds is above timeoutSeconds"
    if not 0 <= pod.get("containerConcurrency", 0) <= 1000:
        yield "containerConcurrency is not within 0 to 1000"
    serving = [port for box in pod["containers"] for port in box.get("ports", [])]
    if len(pod["containers"]) > 1 and len(serving) != 1:
        yield "exactly one container has a port"
    names = [box.get("name") for box in pod["containers"]]
    if len(set(names)) < len(names):
        yield "a container's name is given twice"


def _volumes(pod: Object) -> Iterator[str]:
    given = {volume["name"] for volume in pod.get("volumes", [])}
    for volume in pod.get("volumes", []):
        for kind in sorted(set(volume) - VOLUMES):
            yield f"a volume of kind {kind} is behind a flag that is off by default"
    mounts = [mount for box in pod["containers"] for mount in box.get("volumeMounts", [])]
    for name in sorted(given - {mount["name"] for mount in mounts}):
        yield f"volume {name} is not mounted"
    for mount in mounts:
        if mount["name"] not in given:
            yield f"there is no volume {mount['name']}"
        if normpath(mount["mountPath"]) in RESERVED_PATHS or not mount["mountPath"].startswith("/"):
            yield f"mountPath {mount['mountPath']} is reserved"


def _container(box: Object) -> Iterator[str]:
    for field in sorted(set(box) - BOX_FIELDS):
        yield f"a container's {field} is not allowed"
    if box.get("name", "").startswith("queue-"):
        yield "the container's name is reserved for queue-proxy"
    ports = box.get("ports", [])
    if len(ports) > 1:
        yield "a container has one port"
    for port in ports:
        if port["containerPort"] in RESERVED_PORTS:
            yield f"port {port['containerPort']} belongs to Knative"
        if port.get("name", "") not in ("", "http1", "h2c"):
            yield f"a port is called http1 or h2c, not {port['name']}"
        if port.get("protocol", "TCP") != "TCP" or "hostPort" in port:
            yield "a port is TCP, and the pod's own"


def _environment(box: Object) -> Iterator[str]:
    names = [variable["name"] for variable in box.get("env", [])]
    for name in sorted(RESERVED_VARIABLES.intersection(names)):
        yield f"variable {name} is reserved"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"variable {name} is given twice"
    for variable in box.get("env", []):
        for source in set(variable.get("valueFrom", {})) - {"secretKeyRef", "configMapKeyRef"}:
            yield f"variable {variable['name']}: {source} is behind a flag that is off by default"


def _ours(box: Object) -> Iterator[str]:
    """Beyond the webhook: what every function of ours says."""
    for probe in ("readinessProbe", "livenessProbe"):
        if "path" not in box.get(probe, {}).get("httpGet", {}):
            yield f"{probe} is missing"
    if box.get("readinessProbe", {}).get("httpGet") == box.get("livenessProbe", {}).get("httpGet"):
        yield "readiness asks the same as liveness"


def _traffic(traffic: list[Object]) -> Iterator[str]:
    if traffic and sum(part.get("percent", 0) for part in traffic) != 100:
        yield "the percents of traffic are not 100 together"
    for part in traffic:
        if part.get("latestRevision", "revisionName" not in part) == ("revisionName" in part):
            yield "a part of the traffic names its revision, or is the latest"
    tags = [part["tag"] for part in traffic if "tag" in part]
    if len(set(tags)) < len(tags):
        yield "a tag is given twice"
