"""The rules of a deployment for webhook endpoints. Made once by `app`, passed to every verb that writes
one.
"""

from dataclasses import dataclass

from shared.runtime.sealing import Sealer


@dataclass(frozen=True)
class Policy:
    """`sealer` encrypts the secrets; loopback addresses are allowed on a developer's machine only."""

    sealer: Sealer
    allow_loopback: bool = False
