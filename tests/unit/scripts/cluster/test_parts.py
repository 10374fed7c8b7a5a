import pytest

from scripts.cluster.options import Options
from scripts.cluster.parts import CRDS, PROGRAMS, STORAGE, needs_stand_in, shortfall

ALL = frozenset({*CRDS, *PROGRAMS, STORAGE})
PLAIN = Options("current", "core")
NAMED = Options("current", "core", kafka="10.0.0.1:9092", ingress="http://10.0.0.1")


def test_a_whole_cluster_lacks_nothing():
    assert shortfall(ALL, PLAIN).replaced == ()
    assert shortfall(ALL, PLAIN).fatal == ()
    assert not needs_stand_in(ALL)


def test_what_registries_cannot_give_is_named_in_a_line_each():
    have = {"Knative Serving", "Knative Eventing"}
    found = shortfall(have, NAMED)
    assert found.fatal == ()
    for part in ALL - have:
        if part != STORAGE:
            assert sum(line.startswith(f"{part} is not installed") for line in found.replaced) == 1, part
    assert any("StorageClass" in line for line in found.replaced)
    assert needs_stand_in(have)


@pytest.mark.parametrize("part", ["KafkaSource", "KafkaSink", "Kafka Broker"])
def test_half_a_data_plane_is_replaced_whole(part):
    assert needs_stand_in(ALL - {part})


@pytest.mark.parametrize("part", ["Knative Serving", "Knative Eventing"])
def test_knative_cannot_be_replaced(part):
    (line,) = shortfall(ALL - {part}, NAMED).fatal
    assert line.startswith(f"{part} is not installed")
    assert "--cluster minikube" in line


def test_what_must_be_named_is_asked_for_with_its_option():
    lines = shortfall(ALL - {"Strimzi", "Kourier"}, PLAIN).fatal
    assert [option in line for option, line in zip(("--kafka", "--ingress"), lines, strict=True)] == [
        True
    ] * 2


def test_the_full_profile_needs_certificates():
    have = ALL - {"cert-manager"}
    assert shortfall(have, PLAIN).fatal == ()
    (line,) = shortfall(have, Options("current", "full")).fatal
    assert "--profile core" in line
