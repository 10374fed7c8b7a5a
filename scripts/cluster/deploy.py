"""`scripts/deploy-local.sh`: TaskFlow on a cluster of this machine, or on the current one.

First it looks for everything that could prevent the installation, and changes nothing. Then it runs the
phases; when it is run again, a phase whose work is done changes nothing.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.bootstrap import PROJECT
from scripts.cluster import capacity, machine, own, parts, preflight
from scripts.cluster.api import Unexpected
from scripts.cluster.installation import Installation
from scripts.cluster.kubectl import CommandFailed
from scripts.cluster.options import Options, deploy_options
from scripts.cluster.phases import Phase, Ran, run
from scripts.cluster.pinned import pinned
from scripts.cluster.secrets import HalfMade
from scripts.oci.errors import CannotBuild

_EXPECTED = (CommandFailed, CannotBuild, HalfMade, Unexpected, OSError)


def main(arguments: Sequence[str]) -> int:
    """0 installed (or `--check` found nothing), 1 a phase failed, 2 something stands in the way."""
    options, versions = deploy_options(arguments), pinned()
    here = machine.look((options.port,), PROJECT)
    found = preflight.complaints(options, here, versions)
    replaced: Sequence[str] = ()
    if options.cluster == "current":
        more, replaced = _about_the_cluster(options, here, versions)
        found += more
    for line in (*preflight.advice(here), *replaced):
        print(f"note   {line}")
    for line in found:
        print(f"STOP   {line}", file=sys.stderr)
    if found or options.check_only:
        return 2 if found else 0
    return _install(options, here, versions)


def _about_the_cluster(
    options: Options, here: machine.Machine, versions: Mapping[str, str]
) -> tuple[list[str], Sequence[str]]:
    """What the current cluster lacks, and what this run does without."""
    found = []
    if not options.image_load:
        found.append("name the command that puts an image archive into the cluster: --image-load 'COMMAND'")
    if "kubectl" not in here.tools:
        return found, ()
    try:
        server = capacity.server_version()
        lacks = parts.shortfall(parts.present(), options)
        found += preflight.cluster_complaints(server, capacity.capacity(), versions["kubernetes"])
    except CommandFailed as error:
        return [
            *found,
            f"no cluster answers ({error}): set KUBECONFIG, or choose --cluster minikube or kind",
        ], ()
    return [*found, *lacks.fatal], lacks.replaced


def _install(options: Options, here: machine.Machine, versions: Mapping[str, str]) -> int:
    began = time.monotonic()
    first = run([Phase("cluster", lambda: own.create(options, here, versions))], _say, expected=_EXPECTED)
    if first[0].error:
        return 1
    installation = Installation(options, versions, Path(PROJECT))
    ran = [*first, *run(installation.phases(), _say, expected=_EXPECTED)]
    _say(f"total  {time.monotonic() - began:.0f} s, {_summary(ran)}")
    if any(item.error for item in ran) or len(ran) <= len(installation.phases()):
        _say("what ran before still runs; correct the line above and run the same command again")
        return 1
    for line in installation.welcome():
        _say(line)
    return 0


def _summary(ran: Sequence[Ran]) -> str:
    changes = sum(len(item.changed) for item in ran)
    return f"{changes} changes" if changes else "no change"


def _say(line: str) -> None:
    print(line, flush=True)
