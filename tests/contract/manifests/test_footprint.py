"""A profile fits its machine, third parties included, and all its pods fit the database."""

import pytest
import yaml

from scripts.cluster import operators
from shared.runtime.wiring import connections
from tests.contract.manifests import schemas
from tests.contract.manifests.footprint import TABLE, Need, component, need, parts, total
from tests.contract.manifests.given import SETS, objects
from tests.contract.wiring.test_connections import SHARE, SMALLEST

PROFILES = sorted(TABLE["profiles"])
DEPLOYMENTS = {
    "serving": {"activator", "autoscaler", "controller", "webhook"},
    "eventing": {"eventing-controller", "eventing-webhook", "job-sink", "pingsource-mt-adapter"},
}
INSTALLED_WITH_KAFKA = {"serving", "kourier", "eventing", "kafka-controller", "kafka-data-plane", "strimzi"}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_fits_its_machine(profile):
    limits = TABLE["profiles"][profile]["limits"]
    found = parts(profile)
    everything = total(found.values())

    assert everything.cpu <= limits["cpu"], found
    assert everything.memory <= limits["memory"], found


@pytest.mark.parametrize("profile", PROFILES)
def test_the_sum_counts_what_is_there(profile):
    """An entry of nothing would let anything fit."""
    found = parts(profile)

    assert set(TABLE["profiles"][profile]["components"]) >= INSTALLED_WITH_KAFKA
    for name, one in found.items():
        assert one.cpu > 0, name
        assert one.memory > 0, name
    assert all(part["source"] for part in TABLE["components"].values())


def test_monitoring_leaves_half_of_the_free_machine_to_the_rest():
    free = TABLE["profiles"]["free"]
    watching = total(
        component(name, free["cpuCap"])
        for name in free["components"]
        if TABLE["components"][name].get("monitoring")
    )
    assert 0 < watching.memory < free["limits"]["monitoring"]


def test_without_the_cap_the_released_requests_would_not_fit_the_free_machine():
    """Why there is one: the Kafka dispatchers alone ask for a core each."""
    free = TABLE["profiles"]["free"]
    released = total(component(name, 10**6) for name in free["components"])
    assert released.cpu > free["limits"]["cpu"]


def test_the_cap_of_the_local_cluster_is_the_one_that_is_installed():
    assert TABLE["profiles"]["local"]["cpuCap"] == operators._CPU


@pytest.mark.parametrize(("part", "names"), sorted(DEPLOYMENTS.items()))
def test_the_requests_of_knative_are_those_that_it_is_released_with(part, names):
    released = []
    for path in (schemas.source(part) / "config/core/deployments").glob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            if document and document["kind"] == "Deployment" and document["metadata"]["name"] in names:
                released += [need(b["resources"]) for b in document["spec"]["template"]["spec"]["containers"]]

    assert sorted(map(str, released)) == sorted(
        str(Need(float(cpu), float(memory))) for cpu, memory in TABLE["components"][part]["containers"]
    )


def test_functions_that_are_ticked_count_as_awake():
    """They are woken every minute and gone for seconds of it."""
    for profile in PROFILES:
        ticked = {i["metadata"]["name"] for i in objects(profile) if i["kind"] == "PingSource"}
        assert TABLE["profiles"][profile]["awake"] > len(ticked)


@pytest.mark.parametrize("name", SETS)
def test_all_pods_of_a_set_fit_into_the_smallest_database(name):
    wanted = {}
    for item in objects(name):
        if item["kind"] == "Service" and item["apiVersion"].startswith("serving."):
            template = item["spec"]["template"]
            pods = int(template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"])
            env = {e["name"]: e.get("value") for e in template["spec"]["containers"][0]["env"]}
            wanted[item["metadata"]["name"]] = pods * connections(int(env["THREADS"]))

    assert len(wanted) >= 7
    assert sum(wanted.values()) <= SHARE * SMALLEST, wanted


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ({"cpu": "50m", "memory": "128Mi"}, Need(50, 128)),
        ({"cpu": "1", "memory": "1Gi"}, Need(1000, 1024)),
        ({"cpu": 2, "memory": "1048576"}, Need(2000, 1)),
        ({}, Need()),
    ],
)
def test_quantities_are_read_as_kubernetes_means_them(requests, expected):
    assert need({"requests": requests}) == expected
    assert need({"requests": requests}, times=3) == expected + expected + expected
