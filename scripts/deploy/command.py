"""`scripts/helm-deploy`: checks, installs or upgrades, waits until all is ready, or puts back what ran."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.bootstrap import PROJECT
from scripts.deploy import preflight, release
from scripts.deploy.deployment import Deployment
from scripts.deploy.errors import Failed, Refused, Stuck
from scripts.deploy.tools import tools

CHART = PROJECT / "charts/todo-app"


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/helm-deploy",
        description="Installs or upgrades the chart. Exit code 0 ready, 1 failed and rolled back (a first "
        "installation stays for inspection), 2 refused before anything was changed, 3 a person has to look.",
    )
    parser.add_argument("--values", action="append", default=[], type=Path, metavar="FILE")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", dest="sets")
    parser.add_argument(
        "--image", metavar="REPOSITORY@DIGEST", help="short for image.repository and image.digest"
    )
    parser.add_argument("--release", default="todo-chatbot")
    parser.add_argument("--namespace", default="todo-app")
    parser.add_argument("--context", default="", help="of kubectl's configuration; default: the current one")
    parser.add_argument("--timeout", type=int, default=600, metavar="SECONDS", help="default %(default)s")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", action="store_true", help="check, show what would change, change nothing")
    mode.add_argument(
        "--recover", action="store_true", help="end an operation that was killed: back to what ran"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    choice = options(arguments)
    try:
        return _run(choice)
    except Refused as error:
        print(f"helm-deploy: {error}", file=sys.stderr)
        return 2
    except Failed as error:
        print(f"helm-deploy: {error}", file=sys.stderr)
        return 1
    except Stuck as error:
        print(f"helm-deploy: {error}", file=sys.stderr)
        return 3


def _run(choice: argparse.Namespace) -> int:
    have = tools(choice.context, choice.namespace)
    if choice.recover:
        print(release.recover(have, choice.release, seconds=choice.timeout))
        return 0
    deployment = Deployment(have, choice.release, CHART, given(choice), seconds=choice.timeout)
    deployment.check()
    if choice.dry_run:
        lines = deployment.differences()
        print("\n".join(lines) if lines else "nothing would change")
        return 0
    deployment.install()
    print(f"release {choice.release} is ready")
    return 0


def given(choice: argparse.Namespace) -> list[str]:
    """The arguments that say what the values are; Refused for a file that is not there."""
    missing = [str(path) for path in choice.values if not path.is_file()]
    if missing:
        raise Refused(f"{', '.join(missing)}: no such file; give values with --values FILE")
    found = [f"--values={path}" for path in choice.values]
    if choice.image:
        repository, _, digest = choice.image.partition("@")
        if not preflight.DIGEST.fullmatch(digest):
            raise Refused(f"--image {choice.image} has no digest: give REPOSITORY@sha256:<64 hex digits>")
        found += [f"--set-string=image.repository={repository}", f"--set-string=image.digest={digest}"]
    return [*found, *(f"--set={each}" for each in choice.sets)]
