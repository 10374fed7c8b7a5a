"""`scripts/token USER`: a bearer token of the local issuer. Works with or without a running platform."""

import argparse

from scripts.local.issuer import DAY, issuer
from scripts.local.state import home


def main(arguments: list[str]) -> int:
    """Prints the token and nothing else, for `$(scripts/token alice)`."""
    parser = argparse.ArgumentParser(prog="scripts/token", description="A bearer token of the local issuer.")
    parser.add_argument("user", help="the user id: claim `sub`")
    parser.add_argument(
        "--expires",
        type=int,
        default=DAY,
        metavar="SECONDS",
        help="valid for so long (default a day; negative: already expired)",
    )
    parser.add_argument("--data", metavar="DIR", help="state directory (default TASKFLOW_HOME or .taskflow/)")
    choice = parser.parse_args(arguments)
    if not choice.user.strip():
        parser.error("USER is empty")
    print(issuer(home(choice.data)).token(choice.user, expires=choice.expires))
    return 0
