"""What happened to everything of a user that is neither task nor series (topic `task-events`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from shared.events.base import Event


@dataclass(frozen=True, kw_only=True)
class AccountChanged(Event):
    """A resource of the account changed: `resource` is its kind, `action` what was done to it."""

    type: ClassVar[str] = "io.taskflow.account.changed.v1"
    resource: str
    resource_id: str
    action: str
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
