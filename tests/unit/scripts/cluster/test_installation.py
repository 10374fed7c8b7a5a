import pytest

from scripts.bootstrap import PROJECT
from scripts.cluster.installation import Installation
from scripts.cluster.options import Options
from scripts.cluster.phases import check
from scripts.cluster.pinned import pinned


def phases(kind, profile="core"):
    return Installation(Options(kind, profile), pinned(), PROJECT).phases()


def before(found, name):
    """Every phase that has ended when `name` begins."""
    needs = {phase.name: set(phase.after) for phase in found}
    done, new = set(), needs[name]
    while new - done:
        done |= new
        new = set().union(*(needs[each] for each in done))
    return done


@pytest.mark.parametrize(("kind", "profile"), [("kind", "core"), ("minikube", "full"), ("current", "core")])
def test_every_phase_can_run(kind, profile):
    check(phases(kind, profile))


@pytest.mark.parametrize("kind", ["kind", "current"])
def test_nothing_is_installed_before_what_it_needs(kind):
    found = phases(kind)
    assert {"database", "schema", "issuer", "images", "secrets"} <= before(found, "release")
    assert "release" in before(found, "events")
    assert before(found, "smoke test") == {phase.name for phase in found} - {"smoke test"}


def test_operators_of_a_fresh_cluster_come_side_by_side_and_before_the_release():
    found = {phase.name: phase for phase in phases("kind", "full")}
    for name in ("serving", "eventing", "strimzi", "certificates"):
        assert found[name].after == ()
        assert name in before(list(found.values()), "release")
    assert found["data plane"].after == ("eventing",)


def test_a_cluster_that_is_there_keeps_its_operators():
    assert not {"serving", "eventing", "strimzi"} & {phase.name for phase in phases("current")}
