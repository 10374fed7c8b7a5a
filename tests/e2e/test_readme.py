"""The README's main job, run as it stands: what a reader types, and what the README says they see."""

import re
import subprocess

from tests.e2e.conftest import ROOT, Platform

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_readmes_calls_print_what_it_says(platform: Platform):
    readme = (ROOT / "README.md").read_text()
    part = readme.split("<!-- readme-test: begin -->")[1].split("<!-- readme-test: end -->")[0]
    blocks = _BLOCK.findall(part)
    script = "set -eu\n" + "".join(text for language, text in blocks if language == "sh")
    expected = "".join(text for language, text in blocks if not language)
    assert expected.count("\n") >= 5, "the README shows no output"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=platform.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout == expected
