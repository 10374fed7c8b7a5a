"""`scripts/helm-deploy` with the real helm, as far as it goes without a cluster."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.contract.chart.rendered import CHART, PROFILES, PROJECT, SITE

HELM = shutil.which("helm")
HELMS = [path for name in ("helm", "helm3") if (path := shutil.which(name))]
needs_helm = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in TASKFLOW_TOOLS")
LOCAL = ["--values", str(CHART / "values-local.yaml"), "--values", str(SITE)]


def deploy(*arguments, **environment):
    return subprocess.run(
        [sys.executable, PROJECT / "scripts/helm-deploy", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUBECONFIG": "/nowhere", **environment},
    )


@pytest.fixture
def programs(tmp_path):
    """A folder of tools with the real helm, and a kubectl without a cluster."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/helm").symlink_to(HELM)
    kubectl = tmp_path / "bin/kubectl"
    kubectl.write_text('#!/bin/sh\necho "Unable to connect to the server: connection refused" >&2\nexit 1\n')
    kubectl.chmod(0o755)
    return {"PATH": f"{tmp_path}/bin", "TASKFLOW_TOOLS": ""}


def test_without_helm_nothing_happens(tmp_path):
    done = deploy(*LOCAL, PATH=str(tmp_path), TASKFLOW_TOOLS=str(tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith("helm-deploy: helm is not installed: see https://helm.sh/")
    assert done.stderr.count("\n") == 1


@needs_helm
def test_a_wrong_value_is_one_line(programs):
    done = deploy(*LOCAL, "--set", "functions.taks.maxScale=2", **programs)

    assert done.returncode == 2
    assert done.stderr.startswith("helm-deploy: functions.taks names no function; there are: audit, ")
    assert done.stderr.count("\n") == 1


@needs_helm
def test_a_missing_digest_is_one_line(programs):
    done = deploy("--values", str(CHART / "values-local.yaml"), **programs)

    assert done.returncode == 2
    assert "image.digest is missing: set it to the digest of the pushed image" in done.stderr
    assert done.stderr.count("\n") == 1


@needs_helm
def test_a_cluster_that_cannot_be_reached_is_one_line(programs):
    done = deploy(*LOCAL, **programs)

    assert done.returncode == 2
    assert done.stderr.startswith(
        "helm-deploy: the cluster cannot be reached (Unable to connect to the server"
    )
    assert done.stderr.count("\n") == 1


@needs_helm
@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_helm_renders_what_the_library_renders(profile, helm):
    from tests.contract.chart.rendered import NAME, NAMESPACE, render

    files = [f"--values={path}" for path in PROFILES[profile]]
    place = ["--namespace", NAMESPACE, "--kube-version", "v1.34.0"]
    command = [helm, "template", NAME, str(CHART), *place, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    from scripts.deploy.difference import objects

    def named(found):
        return {(o["kind"], o["metadata"]["name"]): o for o in found}

    assert named(objects(done.stdout)) == named(render(*PROFILES[profile]))
