"""`scripts/cluster-token USER`: a bearer token of the issuer that deploy-local.sh made."""

import argparse
import sys
from collections.abc import Sequence

from scripts.cluster import secrets
from scripts.cluster.kubectl import CommandFailed, secret_value
from scripts.local.issuer import DAY


def main(arguments: Sequence[str]) -> int:
    """Prints the token and nothing else."""
    parser = argparse.ArgumentParser(
        prog="scripts/cluster-token", description="A bearer token of a local cluster's issuer."
    )
    parser.add_argument("user", help="the user id: claim `sub`")
    parser.add_argument("--expires", type=int, default=DAY, metavar="SECONDS", help="default a day")
    choice = parser.parse_args(list(arguments))
    try:
        issuer = secrets.issuer_of(secret_value(secrets.AUTH, "issuer-key"))
    except CommandFailed as error:
        print(f"scripts/cluster-token: {error}", file=sys.stderr)
        return 1
    print(issuer.token(choice.user, expires=choice.expires))
    return 0
