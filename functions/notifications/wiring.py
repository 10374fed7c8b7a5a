"""Builds `notifications`: the event path, which writes deliveries, and the sender, which sends them."""

import random
from functools import partial

from functions.notifications.courier import Courier
from functions.notifications.handler import handle
from functions.notifications.safe_http import post
from functions.notifications.sender import Sender
from functions.notifications.settings import Settings
from functions.notifications.tick import Tick
from shared.runtime.event import consume, function, tick
from shared.runtime.http import View
from shared.runtime.lifecycle import on_stop
from shared.runtime.sealing import Sealer
from shared.runtime.wiring import publishing_uow

NAME = "notifications"


def build(settings: Settings) -> View:
    """The function, with threads that start on the first delivery."""
    uow = publishing_uow(NAME, settings.database_url, settings.kafka_bootstrap_servers)
    courier = Courier(
        uow,
        Sealer(settings.webhook_secret_key),
        post=partial(post, allow_loopback=settings.webhook_allow_loopback),
        draw=random.random,
    )
    sender = Sender(courier)
    on_stop(sender.stop)
    on_event = consume(NAME, partial(handle, notify=sender.notify), uow=uow, mode="record")
    return function(NAME, on_event=on_event, on_tick=tick(NAME, Tick(uow, sender).run))
