import itertools

from scripts.cluster.machine import Engine, Machine
from scripts.cluster.operators import NODE_PORT
from scripts.cluster.options import Options, deploy_options, teardown_options
from scripts.cluster.own import kind_config, minikube_command
from scripts.cluster.pinned import pinned
from scripts.cluster.preflight import NEEDS

HERE = Machine("Linux", engine=Engine("podman", 16000, 8))


def test_minikube_gets_what_the_profile_needs_and_a_store_that_keeps_digests():
    command = minikube_command(Options("minikube", "full", port=9000), HERE, pinned())
    memory, cpus = NEEDS["full"]
    pairs = dict(itertools.pairwise(command))
    assert pairs["--memory"] == str(memory)
    assert pairs["--cpus"] == str(cpus)
    assert pairs["--container-runtime"] == "containerd"
    assert pairs["--driver"] == "podman"
    assert pairs["--ports"] == f"127.0.0.1:9000:{NODE_PORT}"


def test_kinds_gateway_is_on_loopback_only():
    (node,) = kind_config(Options("kind", "core", port=9000))["nodes"]
    (mapping,) = node["extraPortMappings"]
    assert mapping["hostPort"] == 9000
    assert mapping["listenAddress"] == "127.0.0.1"
    assert mapping["containerPort"] == NODE_PORT


def test_the_local_kubernetes_is_one_that_knative_takes():
    floor = tuple(map(int, pinned()["kubernetes"].split(".")))
    assert tuple(map(int, pinned()["kubernetes-local"].split(".")))[:2] >= floor


def test_arguments_become_values():
    options = deploy_options(["--cluster", "current", "--kafka", "k:9092", "--image-load", "ctr import"])
    assert (options.cluster, options.profile, options.kafka) == ("current", "core", "k:9092")
    assert teardown_options(["--cluster", "kind", "--delete-cluster"]).delete_cluster
