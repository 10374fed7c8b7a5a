"""The history of the release in Helm: what is deployed, and the way back to it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.deploy.errors import Refused, Stuck
from scripts.deploy.preflight import explained
from scripts.deploy.tools import Tools

_DONE = ("deployed", "superseded")
_PENDING = ("pending-install", "pending-upgrade", "pending-rollback")


@dataclass(frozen=True)
class History:
    """`last` is the newest revision; `good` the newest that was deployed, 0 if none ever was."""

    last: int
    status: str
    good: int

    @property
    def pending(self) -> bool:
        """Whether an operation is running, or was killed while it ran."""
        return self.status in _PENDING


NEVER = History(0, "none", 0)


def history(text: str) -> History:
    """From `helm history --output json`."""
    rows: Sequence[dict[str, object]] = json.loads(text) if text.strip() else []
    if not rows:
        return NEVER
    ordered = sorted(rows, key=lambda row: int(str(row["revision"])))
    good = [int(str(row["revision"])) for row in ordered if row["status"] in _DONE]
    return History(int(str(ordered[-1]["revision"])), str(ordered[-1]["status"]), good[-1] if good else 0)


def read(tools: Tools, name: str) -> History:
    answer = tools.run_helm("history", name, "--output", "json", "--max", "50")
    if answer.code and "not found" not in answer.error:
        raise Refused(f"Helm cannot read the release: {explained(answer.error)}")
    return history(answer.out if answer.code == 0 else "")


def check(found: History, name: str) -> None:
    """Refused while the last operation has not ended."""
    if found.pending:
        raise Refused(
            f"release {name} is {found.status} since revision {found.last}: another deployment runs, or was "
            "killed; when none runs, use scripts/helm-deploy --recover"
        )


def recover(tools: Tools, name: str, *, seconds: int) -> str:
    """Back to what was last deployed; says what was done."""
    found = read(tools, name)
    if not found.pending and found.status != "failed":
        return f"release {name} is {found.status}: there is nothing to recover"
    if found.good:
        roll_back(tools, name, found.good, seconds=seconds)
        return f"release {name} is back at revision {found.good}"
    answer = tools.run_helm("uninstall", name, "--timeout", f"{seconds}s", seconds=seconds + 30)
    if answer.code:
        raise Stuck(f"release {name} cannot be removed: {explained(answer.error)}")
    return f"release {name} was never deployed and is removed"


def roll_back(tools: Tools, name: str, revision: int, *, seconds: int) -> None:
    """The revisions of Knative have content names, so this selects pods that run, and makes no new ones."""
    answer = tools.run_helm("rollback", name, str(revision), "--timeout", f"{seconds}s", seconds=seconds + 30)
    if answer.code:
        raise Stuck(
            f"release {name} cannot be rolled back to revision {revision}: {explained(answer.error)}; "
            f"run helm rollback {name} {revision} --namespace {tools.namespace}"
        )
