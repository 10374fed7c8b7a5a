"""Variables, outputs, modules and environments fit together, over the three clouds."""

import re

import pytest
import yaml

from shared.db.roles import ROLES
from tests.contract.terraform.configuration import (
    CLOUDS,
    ENVIRONMENTS,
    MODULES,
    PROJECT,
    ROOTS,
    TERRAFORM,
    folder,
    read,
    source,
)

FOLDERS = [*ROOTS, *MODULES]
FREE = {"ocpus": 2, "memory_gb": 12, "storage_gb": 200, "balancers": 1, "balancer_mbps": 10}
# Given by whoever has the account, never by a file of ours.
OF_THE_ACCOUNT = {
    "region", "domain", "api_cidrs", "budget_emails", "tenancy_id", "subscription_id", "project",
    "billing_account", "upload_expires", "budget_start", "neon_region", "redpanda_region",
}  # fmt: skip
ANY_TEXT = {"neon_organization"}
UNTAGGED = {
    "oci_core_network_security_group_security_rule", "oci_objectstorage_object_lifecycle_policy",
    "oci_objectstorage_preauthrequest", "oci_dns_rrset", "azurerm_subnet", "azurerm_role_assignment",
    "azurerm_subnet_network_security_group_association", "azurerm_storage_container",
    "azurerm_storage_management_policy", "azurerm_federated_identity_credential",
    "azurerm_consumption_budget_resource_group",
}  # fmt: skip
SECRET = re.compile(r"password|dsn|sasl|\.sas\b|access_uri|upload_url|connection_string")


def each(paths=FOLDERS):
    return pytest.mark.parametrize("path", paths, ids=[str(p.relative_to(TERRAFORM)) for p in paths])


@each()
def test_variables_and_outputs_say_what_they_are(path):
    found = folder(path)
    for name, one in found.variables.items():
        assert one["type"], name
        assert one["description"].endswith("."), name
    for name, one in found.outputs.items():
        assert one["description"].endswith("."), name


@each(ROOTS)
def test_what_has_a_domain_is_checked_at_the_door(path):
    unchecked = {
        name
        for name, one in folder(path).variables.items()
        if "validation" not in one and not re.search("bool|map", one["type"])
    }
    assert unchecked <= ANY_TEXT
    for name, one in folder(path).variables.items():
        for rule in one.get("validation", []):
            assert f"var.{name}" in rule["condition"]
            assert rule["error_message"].startswith(f"{name}: ")


@each()
def test_everything_that_is_named_exists_and_everything_that_exists_is_used(path):
    found = folder(path)
    assert found.references("var") == set(found.variables)
    assert found.references("local") == set(found.local)
    assert found.references("module") <= set(found.modules)
    for kind, name in found.data:
        assert f"data.{kind}.{name}" in found.text
    named = re.findall(
        r"(?<![\w.])(data\.)?((?:oci|azurerm|google|neon|redpanda|random)_\w+)\.(\w+)", found.text
    )
    for data, kind, name in named:
        assert (kind, name) in (found.data if data else found.resources), f"{kind}.{name}"


@each(ROOTS)
def test_modules_get_what_they_want_and_give_what_is_asked(path):
    found = folder(path)
    for name, call in found.modules.items():
        module = folder(source(call, path))
        given = set(call) - {"source", "count", "depends_on", "for_each", "providers"}
        assert given <= set(module.variables), f"{name}: unknown inputs"
        assert module.required <= given, f"{name}: inputs are missing"
        asked = set(re.findall(rf"module\.{name}(?:\[[*\d]+\])?\.(\w+)", found.text))
        asked |= set(re.findall(r"\bone\.(\w+)", found.text)) & set(module.outputs)
        assert asked <= set(module.outputs), f"{name}: unknown outputs"


def test_every_module_is_called():
    called = {source(call, path) for path in ROOTS for call in folder(path).modules.values()}
    assert called == set(MODULES)


def test_the_clouds_have_one_interface():
    first, *others = (folder(path) for path in ROOTS)
    for other in others:
        assert set(other.outputs) == set(first.outputs)
        for name, one in first.outputs.items():
            assert other.outputs[name]["description"] == one["description"]
            assert other.outputs[name].get("sensitive") == one.get("sensitive")
    assert len({(path / "variables.tf").read_bytes() for path in ROOTS}) == 1
    assert {"kubeconfig_command", "lb_annotations", "storage_class", "arch", "secret_store", "database_host",
            "kafka_bootstrap"} <= set(first.outputs)  # fmt: skip


@each()
def test_secrets_are_marked(path):
    for name, one in folder(path).outputs.items():
        if SECRET.search(str(one["value"])):
            assert one.get("sensitive") is True, name


@each()
def test_tags_come_from_one_place(path):
    found, wanted = folder(path), {"${local.tags}", "${var.tags}", "${var.labels}"}
    if path in ROOTS:
        assert {"application", "environment", "managed-by"} <= set(
            re.findall(r"[\w-]+(?= =)", found.local["tags"])
        )
    for (kind, name), body in found.resources.items():
        if kind.startswith("oci_") and kind not in UNTAGGED:
            assert body["freeform_tags"] in wanted, name
        if kind.startswith("azurerm_") and kind not in UNTAGGED:
            assert body["tags"] in wanted, name


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_environment_gives_every_variable_that_is_not_the_accounts(cloud, environment):
    root = folder(TERRAFORM / cloud)
    given = read(TERRAFORM / cloud / "environments" / f"{environment}.tfvars")
    assert given["environment"] == environment
    assert set(given) <= set(root.variables) - OF_THE_ACCOUNT
    assert root.required - OF_THE_ACCOUNT <= set(given)
    for name, value in given.items():
        kind = root.variables[name]["type"].strip("${}")
        assert {"string": str, "bool": bool, "number": int}[kind] is type(value), name


# --- Oracle's free tier


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_free_installation_is_free(environment):
    given = read(TERRAFORM / "oke" / "environments" / f"{environment}.tfvars")
    if given["free_tier"]:
        assert given["nodes"] * given["node_ocpus"] <= FREE["ocpus"]
        assert given["nodes"] * given["node_memory_gb"] <= FREE["memory_gb"]
        assert given["node_boot_gb"] >= 50
        assert given["nodes"] * given["node_boot_gb"] <= FREE["storage_gb"] / 2
        assert given["database"] == given["kafka"] == "in-cluster"


def test_the_free_tier_of_dev_is_on():
    assert read(TERRAFORM / "oke/environments/dev.tfvars")["free_tier"] is True


def test_the_quota_refuses_everything_and_then_allows_what_is_free():
    root = folder(TERRAFORM / "oke")
    assert root.local["free"] == FREE
    assert root.local["shape"] == "VM.Standard.A1.Flex"
    statements = root.resources["oci_limits_quota", "free"]["statements"]
    zeroed = [re.fullmatch(r"zero ([\w-]+) quotas in tenancy", one) for one in statements]
    families = {match[1] for match in zeroed if match}
    assert families >= {"compute", "compute-core", "compute-memory", "block-storage", "load-balancer"}
    allowed = {}
    for place, one in enumerate(statements):
        if match := re.match(r"set ([\w-]+) quota ([\w-]+) to (\S+) in tenancy(.*)", one):
            assert match[1] in families
            assert all(not later for later in zeroed[place:]), "a later `zero` would take it away"
            allowed[match[2]] = match[3]
            if "regional" in match[2]:
                assert match[4] == " where request.region = '${var.region}'"
            elif match[1] != "load-balancer":
                assert match[4] == " where request.ad = '${local.domain}'", "counted for each domain"
    assert allowed == {
        "standard-a1-core-count": "${local.free.ocpus}",
        "standard-a1-memory-count": "${local.free.memory_gb}",
        "standard-a1-core-regional-count": "${local.free.ocpus}",
        "standard-a1-memory-regional-count": "${local.free.memory_gb}",
        "volume-count": "4",
        "total-storage-gb": "${local.free.storage_gb}",
        "lb-flexible-count": "${local.free.balancers}",
        "lb-flexible-bandwidth-sum": "${local.free.balancer_mbps}",
    }
    assert root.resources["oci_containerengine_cluster", "this"]["type"] == "BASIC_CLUSTER"
    assert "oci_limits_quota.free" in str(root.resources["oci_containerengine_cluster", "this"]["depends_on"])


# --- what other parts of the project say


def test_names_and_versions_agree_with_the_rest():
    versions = yaml.safe_load((PROJECT / "versions.yaml").read_text())
    neon, redpanda = folder(TERRAFORM / "modules/neon"), folder(TERRAFORM / "modules/redpanda")
    assert tuple(neon.local["roles"]) == ROLES
    sources = [yaml.safe_load(p.read_text()) for p in (PROJECT / "eventing").glob("kafkasource-*.yaml")]
    topics = {topic for one in sources for topic in one["spec"]["topics"]} | {"task-events"}
    assert set(redpanda.local["topics"]) == {topic for topic in topics if not topic.endswith("-dlq")}
    for path in ROOTS:
        variables = folder(path).variables
        assert variables["kubernetes_version"]["default"] == versions["kubernetes"]
        assert str(variables["postgresql_version"]["default"]) == versions["postgresql"]
