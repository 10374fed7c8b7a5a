"""The bodies of /v1/webhooks; loaded with the first body. `shared/domain/webhook.py` knows the event
names.
"""

from typing import Annotated, Literal

from pydantic import Field

from functions.tasks.edge.bodies import Body
from shared.domain.webhook import MAX_PATTERNS

Url = Annotated[str, Field(max_length=2048)]
Events = Annotated[list[str], Field(min_length=1, max_length=MAX_PATTERNS)]


class WebhookCreate(Body):
    """An endpoint and the events it asks for: `task.completed`, `task.*` or `*`."""

    url: Url
    events: Events


class WebhookPatch(Body):
    """A merge patch; `rotate_secret` makes a new secret. The old one still signs, too, for a day."""

    url: Url = ""
    events: Events = Field(default=[])
    state: Literal["enabled", "disabled"] = "enabled"
    rotate_secret: bool = False
