"""Every profile renders to what is stored, so that a change of an installation is seen in review."""

import difflib

import pytest

from tests.contract.chart import golden
from tests.contract.chart.rendered import CHART, PROFILES


@pytest.mark.parametrize("profile", PROFILES)
def test_the_render_is_the_stored_one(profile):
    stored = (golden.STORED / f"{profile}.yaml").read_text().splitlines()
    fresh = golden.text(profile).splitlines()

    assert list(difflib.unified_diff(stored, fresh, "stored", "fresh", lineterm="", n=1)) == [], golden.FIX


def test_every_values_file_is_a_profile_and_every_golden_render_has_one():
    used = {path.name for files in PROFILES.values() for path in files}

    assert {path.name for path in CHART.glob("values-*.yaml")} <= used
    assert {path.stem for path in golden.STORED.glob("*.yaml")} == set(PROFILES)
