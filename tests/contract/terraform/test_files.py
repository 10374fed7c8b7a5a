"""Files: parsed, laid out, pinned, and without a literal that belongs to somebody's account."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.contract.terraform.configuration import (
    CLOUDS,
    ENVIRONMENTS,
    FILES,
    MODULES,
    PROJECT,
    ROOTS,
    TERRAFORM,
    folder,
    read,
    uncommented,
)
from tests.contract.terraform.layout import faults

PINS = yaml.safe_load((PROJECT / "versions.yaml").read_text())["terraform"]
SOURCES = {
    "oci": "oracle/oci",
    "azurerm": "hashicorp/azurerm",
    "google": "hashicorp/google",
    "neon": "kislerdm/neon",
    "redpanda": "redpanda-data/redpanda",
    "random": "hashicorp/random",
}
NAMES = [str(path.relative_to(TERRAFORM)) for path in FILES]
# What names one account, or one place of the world.
LITERALS = (
    r"ocid1\.\w+\.oc",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    r'"(?:eu|us|ap|sa|me|af|il|ca|mx|uk)-[a-z]+-?\d"',
    r'"(?:west|north|east|south)(?:europe|us)\d?"',
    r"(?<!store_)(?:password|secret|token|api_key)\s*=\s*\"(?!\$)[^\"]+\"",
    r"AKIA|BEGIN [A-Z ]*PRIVATE KEY",
)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_file_parses_and_is_laid_out_as_the_formatter_would(path):
    assert read(path) is not None
    assert list(faults(path.read_text())) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "a = 1\nlonger = 2\n",
        "block {\n    a = 1\n}\n",
        "a = 1",
        "a = 1 \n",
        "x = {\n  a  = 1\n}\n",
    ],
)
def test_a_file_that_is_laid_out_otherwise_is_noticed(wrong):
    assert list(faults(wrong))


@pytest.mark.parametrize(
    "command",
    [("tofu", "fmt", "-check", "-recursive", "-diff"), ("terraform", "fmt", "-check", "-recursive")],
)
def test_the_real_formatter_agrees(command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run([*command, str(TERRAFORM)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("tflint") is None, reason="tflint is not installed")
@pytest.mark.parametrize("path", [*ROOTS, *MODULES], ids=lambda p: str(p.relative_to(TERRAFORM)))
def test_the_linter_finds_nothing(path):
    """Its own rules of the language; those of the clouds are plugins of its own."""
    done = subprocess.run(
        ["tflint", "--no-color", f"--chdir={path}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nothing_of_an_account_is_in_a_file(path):
    lines = [
        line
        for line in uncommented(path.read_text()).splitlines()
        if not re.match(r"\s*(description|error_)", line)
    ]
    found = [(line, pattern) for line in lines for pattern in LITERALS if re.search(pattern, line)]
    assert found == []


@pytest.mark.parametrize("path", [*ROOTS, *MODULES], ids=lambda p: str(p.relative_to(TERRAFORM)))
def test_versions_are_those_of_the_one_file(path):
    found = folder(path)
    assert found.settings["required_version"] == f">= {PINS['core']}, < 2.0.0"
    (providers,) = found.settings["required_providers"]
    assert providers == {name: {"source": SOURCES[name], "version": PINS[name]} for name in providers}
    used = {kind.split("_")[0] for kind, _ in [*found.resources, *found.data]}
    assert used <= set(providers)
    if path in MODULES:
        assert used == set(providers), "a provider that the module does not use"


def test_every_pin_is_used():
    used = {name for path in ROOTS for name in folder(path).settings["required_providers"][0]}
    assert used == set(PINS) - {"core"} == set(SOURCES)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_state_is_remote_and_its_place_is_not_in_the_files(cloud):
    ((kind, settings),) = folder(TERRAFORM / cloud).settings["backend"][0].items()
    assert kind in {"s3", "azurerm", "gcs"}
    assert settings == {}
    for environment in ENVIRONMENTS:
        partial = read(TERRAFORM / cloud / "environments" / f"{environment}.tfbackend")
        assert environment in partial.get("key", partial.get("prefix"))
        assert not set(partial) & {"bucket", "endpoints", "region", "storage_account_name", "access_key"}
