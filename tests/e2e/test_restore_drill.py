"""A database comes back from its dump, and what a lost log had is sent again: `scripts/restore-drill`."""

import json
import subprocess
import sys

from tests.e2e.conftest import ROOT


def test_every_promise_holds():
    done = subprocess.run(
        [sys.executable, "scripts/restore-drill", "--tasks", "4"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *promises, last = done.stdout.splitlines()
    assert [line for line in promises if not line.startswith("ok")] == []
    assert len(promises) == 21
    figures = json.loads(last)
    assert figures["published_once"] == 9
    assert figures["rows"]["tasks"] == 3 * (4 + 2 + 3)
    assert figures["published_again"] > 0
    assert figures["republished"] > figures["lost_with_the_log"] > 0
