from scripts.cluster.operators import NODE_PORT, earliest, fitted
from scripts.cluster.pinned import addresses, pinned


def test_consumers_start_at_the_oldest_record_whatever_the_release_says():
    assert earliest("a=1\nauto.offset.reset=latest\nb=2\n") == "a=1\nauto.offset.reset=earliest\nb=2\n"
    assert earliest("a=1\n") == "a=1\nauto.offset.reset=earliest\n"
    once = earliest("a=1")
    assert earliest(once) == once


def _program(cpu):
    container = {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": "700Mi"}}}
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "kafka-source-dispatcher"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def test_no_container_of_a_release_asks_for_a_whole_processor():
    for cpu, wanted in (("1000m", "100m"), ("1", "100m"), ("0.3", "100m"), ("50m", "50m")):
        before = _program(cpu)
        (container,) = fitted(before)["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["requests"] == {"cpu": wanted, "memory": "700Mi"}
        assert before == _program(cpu)


def test_the_gateway_is_where_the_cluster_maps_a_port_to():
    service = {
        "kind": "Service",
        "metadata": {"name": "kourier"},
        "spec": {"type": "LoadBalancer", "ports": []},
    }
    spec = fitted(service)["spec"]
    assert (spec["type"], spec["ports"][0]["nodePort"]) == ("NodePort", NODE_PORT)
    assert fitted({"kind": "ConfigMap", "metadata": {"name": "kourier"}})["kind"] == "ConfigMap"


def test_releases_are_those_of_versions_yaml():
    versions = pinned()
    (crds, core) = addresses("serving", versions)
    assert f"knative-v{versions['knative.serving']}/serving-crds.yaml" in crds
    assert core.endswith("serving-core.yaml")
