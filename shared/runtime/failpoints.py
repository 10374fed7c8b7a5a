"""Named places where a test may kill the process: `FAILPOINTS=name` or `FAILPOINTS=name:/marker`.

With a marker the process dies only if that file does not exist, and creates it, so that the restarted process
continues. Several are separated by commas. Production never sets the variable.
"""

import os
from pathlib import Path

from shared.runtime.logging import get_logger
from shared.runtime.settings import Process, load

log = get_logger(__name__)
_armed: dict[str, Path | None] | None = None


def failpoint(name: str) -> None:
    """Dies here with status 137, as by SIGKILL, if the environment says so; else does nothing."""
    global _armed  # noqa: PLW0603  # read once, at the first failpoint passed
    if _armed is None:
        _armed = _parse(load(Process).failpoints)
        for armed in _armed:
            log.warning("FAILPOINT ARMED: this process will kill itself", failpoint=armed)
    if name in _armed and _claim(_armed[name]):
        log.error("FAILPOINT HIT: dying", failpoint=name)
        os._exit(137)


def _parse(text: str) -> dict[str, Path | None]:
    """`a:b:/tmp/x,c` → {"a:b": /tmp/x, "c": None}: names hold colons, so the file must be absolute."""
    armed: dict[str, Path | None] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, slash, rest = entry.partition(":/")
        armed[name] = Path("/" + rest) if slash else None
    return armed


def _claim(marker: Path | None) -> bool:
    if marker is None:
        return True
    try:
        marker.open("x").close()  # exclusive: of two racing threads one dies
    except FileExistsError:
        return False
    return True
