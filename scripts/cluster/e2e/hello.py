"""A bare functions-framework hello as a Service beside ours: what every comparison is made with."""

import contextlib
from collections.abc import Iterator

from scripts.cluster import release
from scripts.cluster.api import Door
from scripts.cluster.e2e.bench import Bench
from scripts.cluster.kubectl import apply, kubectl, read, wait
from scripts.cluster.options import NAMESPACE
from scripts.cluster.pods import SHUT, Object, named

_SOURCE = """import functions_framework


@functions_framework.http
def hello(request):
    return "hello"
"""


def service(image: str) -> list[Object]:
    """The framework as its documentation starts it, in the same image as `tasks`."""
    annotations = {"autoscaling.knative.dev/window": "10s", "autoscaling.knative.dev/max-scale": "1"}
    volumes = [
        {"name": "source", "configMap": {"name": "hello"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    template = {
        "metadata": {"annotations": annotations},
        "spec": {"timeoutSeconds": 60, "containers": [_container(image)], "volumes": volumes},
    }
    return [
        named("ConfigMap", "hello", data={"main.py": _SOURCE}),
        named("Service", "hello", api="serving.knative.dev/v1", spec={"template": template}),
    ]


def _container(image: str) -> Object:
    return {
        "name": "hello",
        "image": image,
        "command": ["python", "-m", "functions_framework", "--target", "hello", "--source", "/srv/main.py"],
        "env": [{"name": "GUNICORN_CMD_ARGS", "value": "--no-control-socket"}],
        "readinessProbe": {"httpGet": {"path": "/"}},
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {**SHUT, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumeMounts": [
            {"name": "source", "mountPath": "/srv"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # of the pod
        ],
    }


@contextlib.contextmanager
def hello(bench: Bench) -> Iterator[Door]:
    """The door to it, while the block lasts."""
    image = release.recorded()["image"]
    apply(service(f"{image['repository']}@{image['digest']}"))
    try:
        wait("services.serving.knative.dev hello", "condition=Ready", seconds=180)
        found = read("services.serving.knative.dev", "hello", "--namespace", NAMESPACE)
        yield bench.plain_door(found["status"]["url"])
    finally:
        where = ("--namespace", NAMESPACE, "--ignore-not-found")
        kubectl("delete", "services.serving.knative.dev/hello", "configmap/hello", *where)
