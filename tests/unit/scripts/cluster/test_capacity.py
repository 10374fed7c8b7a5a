import pytest

from scripts.cluster.capacity import left, quantity
from scripts.cluster.preflight import Capacity


@pytest.mark.parametrize(
    ("text", "number"), [("250m", 0.25), ("2", 2), ("128Mi", 128 * 2**20), ("1Gi", 2**30), ("1G", 1e9)]
)
def test_quantities(text, number):
    assert quantity(text) == number


def test_what_is_left_is_what_nobody_has_requested():
    node = {"status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}}

    def pod(phase, **requests):
        return {"status": {"phase": phase}, "spec": {"containers": [{"resources": {"requests": requests}}]}}

    pods = [pod("Running", cpu="500m", memory="1Gi"), pod("Succeeded", cpu="3"), pod("Pending", memory="1Gi")]
    assert left([node], pods) == Capacity(6144, 3.5)
