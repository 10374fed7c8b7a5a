"""The chart carries the manifests byte for byte, and its README the values as they are."""

import shutil

import pytest
import yaml

from scripts.chart import command, copies, readme
from scripts.chart.readme import undocumented, values
from tests.contract.chart.rendered import PROFILES, PROJECT, helm_python, merged, one, read_values


@pytest.fixture
def project(tmp_path):
    for folder in ("knative", "eventing", "charts"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    return tmp_path


def test_the_copies_are_the_manifests():
    assert copies.differences(copies.present(PROJECT), copies.wanted(PROJECT)) == [], command.FIX


def test_the_table_of_values_is_fresh():
    assert readme.differences(PROJECT) == [], command.FIX


def test_every_value_is_explained():
    assert undocumented((PROJECT / readme.VALUES).read_text()) == []


def test_a_changed_a_new_and_a_removed_manifest_are_noticed_and_repaired(project):
    (project / "knative/audit.yaml").write_bytes(b"changed: true  # and its comment\n")
    (project / "eventing/new.yaml").write_text("kind: Trigger\n")
    (project / "eventing/broker.yaml").unlink()
    expected = [
        "charts/todo-app/files/eventing/broker.yaml: left over",
        "charts/todo-app/files/eventing/new.yaml: missing",
        "charts/todo-app/files/knative/audit.yaml: differs",
    ]

    assert copies.differences(copies.present(project), copies.wanted(project)) == expected
    assert copies.refresh(project) == expected
    assert copies.differences(copies.present(project), copies.wanted(project)) == []
    assert (project / "charts/todo-app/files/knative/audit.yaml").read_bytes().endswith(b"comment\n")


def test_a_new_value_makes_the_table_stale(project):
    path = project / readme.VALUES
    path.write_text(path.read_text() + "\n# What it is for.\nfresh: 7\n")

    assert readme.differences(project) != []
    readme.refresh(project)
    assert "| `fresh` | `7` | What it is for. |" in (project / readme.PAGE).read_text()


def test_a_value_without_a_comment_is_found():
    text = "# Said.\na: 1\nb: 2\nc:\n  # Said.\n  d: 3\n  e: 4\n"

    assert [value.path for value in values(text)] == ["a", "b", "c.d", "c.e"]
    assert undocumented(text) == ["b", "c.e"]


def test_the_table_covers_every_leaf_of_the_values():
    text = (PROJECT / readme.VALUES).read_text()
    covered = [value.path for value in values(text)]

    assert [
        path
        for path in leaves(yaml.safe_load(text))
        if not any(path == each or path.startswith(f"{each}.") for each in covered)
    ] == []


def leaves(value, prefix=""):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{prefix}{key}.")
    else:
        yield prefix.removesuffix(".")


def test_a_new_function_is_in_the_chart_without_a_change_of_a_template(project):
    """What `scripts/new-function` and `scripts/manifests` write is all that the chart needs."""
    text = (project / "knative/recurrence.yaml").read_text()
    (project / "knative/praise.yaml").write_text(text.replace("recurrence", "praise"))
    copies.refresh(project)
    values = merged(read_values(*PROFILES["default"]), {"functions": {"praise": {"maxScale": 4}}})

    with helm_python.Chart.load(project / "charts/todo-app") as chart:
        files = chart.render(values, name="todo-chatbot", namespace="todo-app")
    objects = [
        o for path, made in files.items() if path.endswith(".yaml") for o in yaml.safe_load_all(made) if o
    ]
    service = one(objects, "Service", "praise")
    template = service["spec"]["template"]

    assert template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] == "4"
    assert template["metadata"]["name"].startswith("praise-")
    for policy in ("knative-to-functions", "functions-to-postgres", "functions-to-kafka"):
        selector = one(objects, "NetworkPolicy", policy)["spec"]["podSelector"]
        assert "praise" in selector["matchExpressions"][0]["values"]
