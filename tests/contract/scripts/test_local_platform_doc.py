"""docs/local-platform.md says what the code does: the table of fields, the options, the listeners."""

import re
from pathlib import Path

from scripts.local import bearer, dlq, emit
from scripts.local.fields import markdown
from scripts.local.run import options

PROJECT = Path(__file__).resolve().parents[3]
DOCUMENT = (PROJECT / "docs/local-platform.md").read_text()


def test_the_table_of_fields_is_the_one_of_the_code():
    _, _, table = DOCUMENT.partition("part.\n\n")
    assert table.strip() == markdown().strip(), "replace it by the output of python -m scripts.local.fields"


def test_every_option_of_scripts_run_is_described():
    known = {f"--{name.replace('_', '-')}" for name in vars(options([]))}
    hidden = {"--manifests", "--default-service"}  # for tests of the platform itself
    assert known - hidden == set(re.findall(r"^\| `(--[a-z-]+)", DOCUMENT, re.MULTILINE))


def test_every_command_is_described():
    for module in (bearer, dlq, emit):
        name = (module.__doc__ or "").split("`")[1].split()[0]
        assert f"`{name}" in DOCUMENT
        assert (PROJECT / name).exists()
