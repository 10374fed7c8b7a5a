"""What the real OpenTofu says of the checks and the arithmetic: variables and locals without any resource."""

import json
import os
import re
import shutil
import subprocess
from ipaddress import ip_network

import pytest

from tests.contract.terraform.configuration import CLOUDS, ENVIRONMENTS, TERRAFORM

TOFU = shutil.which("tofu")
pytestmark = pytest.mark.skipif(TOFU is None, reason="tofu is not installed")
ACCOUNT = {
    "domain": "api.your.domain",
    "api_cidrs": ["203.0.113.7/32"],
    "budget_emails": ["you@your.domain"],
    "neon_region": "aws-eu-central-1",
    "redpanda_region": "eu-central-1",
}
OF_CLOUD = {
    "oke": {
        "region": "eu-frankfurt-1",
        "tenancy_id": "ocid1.tenancy.oc1..x",
        "upload_expires": "2027-12-01T00:00:00Z",
    },
    "aks": {
        "region": "westeurope",
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "budget_start": "2026-12-01T00:00:00Z",
        "upload_expires": "2027-12-01T00:00:00Z",
    },
    "gke": {"region": "europe-west4", "project": "taskflow-1", "billing_account": "012345-6789AB-CDEF01"},
}
BAD = [
    ("oke", "dev", {"nodes": 2}, "node_ocpus"),  # 4 OCPUs and 24 GB
    ("oke", "dev", {"node_ocpus": 4}, "node_ocpus"),
    ("oke", "dev", {"node_memory_gb": 24}, "node_memory_gb"),
    ("oke", "dev", {"node_boot_gb": 40}, "node_boot_gb"),
    ("oke", "dev", {"node_boot_gb": 150}, "node_boot_gb"),
    ("oke", "dev", {"region": "Frankfurt"}, "region"),
    ("oke", "dev", {"tenancy_id": "mine"}, "tenancy_id"),
    ("oke", "dev", {"environment": "test"}, "environment"),
    ("oke", "dev", {"name": "Task_Flow"}, "name"),
    ("oke", "dev", {"domain": "api.example.com"}, "domain"),
    ("oke", "dev", {"domain": "localhost"}, "domain"),
    ("oke", "dev", {"kubernetes_version": "1.33"}, "kubernetes_version"),
    ("oke", "dev", {"network_cidr": "10.0.0.0/24"}, "network_cidr"),
    ("oke", "dev", {"api_cidrs": []}, "api_cidrs"),
    ("oke", "prod", {"api_cidrs": ["0.0.0.0/0"]}, "api_cidrs"),
    ("oke", "prod", {"neon_region": ""}, "neon_region"),
    ("oke", "prod", {"redpanda_region": ""}, "redpanda_region"),
    ("oke", "dev", {"database": "sqlite"}, "database"),
    ("oke", "dev", {"budget_amount": 0}, "budget_amount"),
    ("oke", "dev", {"budget_emails": ["nobody"]}, "budget_emails"),
    ("oke", "dev", {"upload_expires": "next year"}, "upload_expires"),
    ("oke", "dev", {"dump_days": 1}, "dump_days"),
    ("oke", "dev", {"ingress_address": "api.your.domain"}, "ingress_address"),
    ("aks", "dev", {"subscription_id": "mine"}, "subscription_id"),
    ("aks", "dev", {"budget_start": "2026-12-15T00:00:00Z"}, "budget_start"),
    ("aks", "prod", {"paid_control_plane": False}, "paid_control_plane"),
    ("gke", "prod", {"zone": "b"}, "zone"),
    ("gke", "dev", {"billing_account": "mine"}, "billing_account"),
]


def plan(folder, *arguments):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }
    return subprocess.run(
        [TOFU, f"-chdir={folder}", "plan", "-input=false", "-no-color", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


@pytest.fixture
def checked(tmp_path):
    """`checked(cloud, environment, changes)`: a plan over the variables alone."""

    def run(cloud, environment, changes=None):
        for file in (TERRAFORM / cloud).glob("variables*.tf"):
            shutil.copy(file, tmp_path)
        values = ACCOUNT | OF_CLOUD[cloud] | (changes or {})
        (tmp_path / "zz.auto.tfvars.json").write_text(json.dumps(values))
        shutil.copy(
            TERRAFORM / cloud / "environments" / f"{environment}.tfvars", tmp_path / "terraform.tfvars"
        )
        return plan(tmp_path)

    return run


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_environment_passes_its_own_checks(checked, cloud, environment):
    done = checked(cloud, environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("cloud", "environment", "changes", "named"), BAD)
def test_a_wrong_value_is_named_before_anything_is_asked_of_a_cloud(
    checked, cloud, environment, changes, named
):
    done = checked(cloud, environment, changes)
    assert done.returncode == 1
    assert re.search(rf"^.*\b{named}: ", done.stderr, re.MULTILINE), done.stderr


def evaluated(tmp_path, module, variables, wanted):
    """Values of a module's locals that need no resource."""
    text = (TERRAFORM / "modules" / module / "main.tf").read_text()
    (found,) = re.findall(r"^locals \{\n.*?^\}\n", text, re.MULTILINE | re.DOTALL)
    declared = "".join(f'variable "{name}" {{}}\n' for name in variables)
    outputs = "".join(f'output "{name}" {{ value = local.{name} }}\n' for name in wanted)
    (tmp_path / "main.tf").write_text(declared + found + outputs)
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps(variables))
    done = plan(tmp_path, "-out=plan")
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        [TOFU, f"-chdir={tmp_path}", "show", "-json", "plan"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    return {name: one["value"] for name, one in json.loads(shown.stdout)["planned_values"]["outputs"].items()}


@pytest.mark.parametrize("cidr", ["10.40.0.0/16", "10.1.16.0/20"])
def test_oracles_subnets_lie_in_the_network_beside_one_another(tmp_path, cidr):
    variables = {"cidr": cidr, "api_cidrs": ["203.0.113.7/32", "203.0.113.8/32"]}
    found = evaluated(tmp_path, "network-oci", variables, ["subnets", "ingress"])
    networks = [ip_network(one["cidr"]) for one in found["subnets"].values()]
    for place, one in enumerate(networks):
        assert one.subnet_of(ip_network(cidr))
        assert not any(one.overlaps(other) for other in networks[place + 1 :])
    opened = {
        (one["to"], tuple(one["ports"] or ()))
        for one in found["ingress"].values()
        if one["from"] == "0.0.0.0/0"
    }
    assert opened == {("balancer", (80, 80)), ("balancer", (443, 443))}
    reach_the_api = {one["from"] for one in found["ingress"].values() if one["to"] == "api"}
    assert reach_the_api == {*variables["api_cidrs"], found["subnets"]["nodes"]["cidr"]}
    assert not found["subnets"]["nodes"]["public"]


def test_the_user_of_redpanda_reaches_the_topics_and_the_groups_and_nothing_else(tmp_path):
    text = (TERRAFORM / "modules/redpanda/main.tf").read_text()
    assert text.count("locals {") == 1
    rights = evaluated(tmp_path, "redpanda", {}, ["rights"])["rights"]
    assert {one["type"] for one in rights.values()} == {"TOPIC", "GROUP"}
    topics = {one["name"] for one in rights.values() if one["type"] == "TOPIC"}
    assert topics == {"task-events", "reminders", "task-updates"}
    assert not {one["operation"] for one in rights.values()} & {"ALL", "ALTER", "DELETE", "ALTER_CONFIGS"}
