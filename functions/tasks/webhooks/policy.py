"""How endpoints are kept. Made once by `app`, handed to every verb that writes one."""

from dataclasses import dataclass

from shared.runtime.sealing import Sealer


@dataclass(frozen=True)
class Policy:
    """`sealer` closes the secrets; loopback addresses are targets on a developer's machine only."""

    sealer: Sealer
    allow_loopback: bool = False
