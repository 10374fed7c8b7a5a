"""What deploy-local.sh, teardown-local.sh and e2e-cluster were asked for, as values."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["minikube", "kind", "current"]
Profile = Literal["core", "full"]
KINDS: tuple[Kind, ...] = ("minikube", "kind", "current")
PROFILES: tuple[Profile, ...] = ("core", "full")
NAMESPACE, RELEASE = "todo-app", "todo-chatbot"
NAME = "taskflow"  # of the minikube profile and of the kind cluster
PORT = 8080


@dataclass(frozen=True)
class Options:
    """`port`: where the gateway of a cluster of our own listens here. `image_load`: the command that puts
    an archive (its last argument) into the store of the current cluster. `kafka`: a Kafka that is there
    already. `ingress`: the gateway's URL when it cannot be found.
    """

    cluster: Kind
    profile: Profile
    port: int = PORT
    image_load: str | None = None
    kafka: str | None = None
    ingress: str | None = None
    delete_cluster: bool = False
    check_only: bool = False
    offline: bool = False


def deploy_options(arguments: Sequence[str]) -> Options:
    """Exits with the usage and code 2 when the arguments are wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/deploy-local.sh",
        description="Installs TaskFlow on a local cluster or the current one (docs/deploy-local.md).",
    )
    add = parser.add_argument
    add("--cluster", choices=KINDS, default="minikube", help="which cluster (default minikube)")
    add("--profile", choices=PROFILES, default="core", help="full adds cert-manager (default core)")
    add("--port", type=int, default=PORT, help="kind: the gateway's port on this machine (default 8080)")
    add("--image-load", metavar="COMMAND", help="current: puts an image archive, its last argument, in")
    add("--kafka", metavar="HOST:PORT", help="current: a Kafka that is there, instead of Strimzi's")
    add("--ingress", metavar="URL", help="current: the gateway, when it is not Kourier's")
    add("--check", action="store_true", help="only the preflight: say what is wrong and change nothing")
    add("--offline", action="store_true", help="make the images from what an earlier run has downloaded")
    found = parser.parse_args(list(arguments))
    return Options(
        cluster=cast(Kind, found.cluster),
        profile=cast(Profile, found.profile),
        port=found.port,
        image_load=found.image_load,
        kafka=found.kafka,
        ingress=found.ingress,
        check_only=found.check,
        offline=found.offline,
    )


def teardown_options(arguments: Sequence[str]) -> Options:
    """Exits with the usage and code 2 when the arguments are wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/teardown-local.sh",
        description="Removes what deploy-local.sh installed, in the order that leaves nothing behind.",
    )
    add = parser.add_argument
    add("--cluster", choices=KINDS, default="minikube", help="which cluster (default minikube)")
    add("--delete-cluster", action="store_true", help="then delete the cluster itself (minikube, kind)")
    found = parser.parse_args(list(arguments))
    return Options(cast(Kind, found.cluster), "core", delete_cluster=found.delete_cluster)
