"""What Helm's history says about where to go back to."""

import json

import pytest

from scripts.deploy.errors import Refused
from scripts.deploy.release import NEVER, check, history


def rows(*states):
    return json.dumps([{"revision": n, "status": status} for n, status in enumerate(states, 1)])


def test_a_release_that_never_was():
    assert history("") == NEVER == history("[]")
    check(NEVER, "x")


@pytest.mark.parametrize(
    ("states", "good"),
    [
        (("deployed",), 1),
        (("superseded", "deployed"), 2),
        (("deployed", "failed"), 1),
        (("superseded", "superseded", "failed", "deployed"), 4),
        (("failed",), 0),
        (("deployed", "failed", "failed"), 1),
    ],
)
def test_the_way_back_leads_to_the_newest_that_was_deployed(states, good):
    assert history(rows(*states)).good == good


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_an_operation_that_has_not_ended_is_not_disturbed(status):
    found = history(rows("deployed", status))

    assert found.good == 1
    with pytest.raises(Refused, match=rf"release app is {status} since revision 2.*--recover"):
        check(found, "app")
