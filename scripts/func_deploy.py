"""`scripts/func-deploy NAME --image REPOSITORY@sha256:DIGEST`: `func deploy` of one function, unbuilt.

Everything is checked before anything is changed. func writes what it has observed back into func.yaml and
extends .gitignore in its working directory, so it works in a copy.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from scripts.bootstrap import PROJECT

OURS = "function.knative.dev/name"  # func puts this label on every Service that it makes
_IMAGE = re.compile(r"[a-z0-9][\w.\-/:]*@sha256:[0-9a-f]{64}")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Refused(Exception):  # said of the wish
    """The function cannot be deployed so; the message names the reason and the fix."""


def main(arguments: Sequence[str]) -> int:
    """The exit code of func; 2 with one line when the wish is refused before func is started."""
    choice = _options(arguments)
    try:
        path = checked(choice.name, choice.image, choice.namespace)
        command = _func(choice.func)
        _check_cluster(choice.name, choice.namespace)
    except Refused as reason:
        print(f"scripts/func-deploy: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="taskflow-func-") as copy:
        shutil.copy(path, copy)
        flags = ["--image", choice.image, "--namespace", choice.namespace, "--build=false", "--push=false"]
        command += ["deploy", "--path", copy, *flags]
        return subprocess.run(
            command, cwd=copy, check=False
        ).returncode  # it extends .gitignore where it runs


def checked(name: str, image: str, namespace: str) -> Path:
    """The func.yaml of a function; Refused for a name, an image or a namespace that cannot be meant."""
    known = sorted(path.parent.name for path in PROJECT.glob("functions/*/func.yaml"))
    if name not in known:
        raise Refused(f"no function {name!r}; there are: {', '.join(known)}")
    if not _IMAGE.fullmatch(image):
        raise Refused(f"--image {image!r} needs a digest: REPOSITORY@sha256:… (scripts/image prints it)")
    if image.endswith("0" * 64):
        raise Refused(
            "--image is the placeholder of the manifests: give the digest that scripts/image prints"
        )
    if not _NAMESPACE.fullmatch(namespace):
        raise Refused(f"--namespace {namespace!r} is no DNS label")
    return PROJECT / "functions" / name / "func.yaml"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/func-deploy", description=__doc__)
    parser.add_argument("name", help="the folder in functions/")
    parser.add_argument("--image", required=True, metavar="REPOSITORY@sha256:DIGEST")
    parser.add_argument(
        "--namespace", default="todo-app", help="default todo-app; must exist, with its Secrets"
    )
    parser.add_argument(
        "--func", metavar="PROGRAM", help="default: func, else kn with its plugin, on the PATH"
    )
    return parser.parse_args(arguments)


def _func(given: str | None) -> list[str]:
    """How func is called here."""
    if given:
        if not shutil.which(given):
            raise Refused(f"--func {given} is no program")
        return [given]
    if shutil.which("func"):
        return ["func"]
    if shutil.which("kn-func") and shutil.which("kn"):
        return ["kn", "func"]
    wanted = yaml.safe_load((PROJECT / "versions.yaml").read_text())["knative"]["func"]
    raise Refused(f"no func on the PATH: install Knative func {wanted}, or name it with --func")


def _check_cluster(name: str, namespace: str) -> None:
    if not shutil.which("kubectl"):
        raise Refused("no kubectl on the PATH: it shows whether func may write here; install it")
    if _kubectl("get", "namespace", namespace, "--output=name").returncode:
        raise Refused(
            f"no namespace {namespace} that this kubeconfig can see: create it first, with its Secrets"
        )
    service = ("get", "services.serving.knative.dev", name, f"--namespace={namespace}")
    found = _kubectl(*service, "--ignore-not-found", "--output=yaml")
    if found.returncode:
        raise Refused(f"cannot read Knative Services in {namespace}: {found.stderr.strip()}")
    document = yaml.safe_load(found.stdout)
    if document and OURS not in (document["metadata"].get("labels") or {}):
        raise Refused(
            f"Service {name} in {namespace} was not made by func, which would undo what func.yaml cannot say:"
            " deploy it as it was deployed, or delete it first"
        )


def _kubectl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["kubectl", *words], capture_output=True, text=True, check=False)
