"""Writes the rows for an event: an in-app message for a due reminder, a delivery for each endpoint that
asked. Called by the event adapter, in mode "record". Nothing is sent inside the transaction; the sender is
told after the commit. In the user's quiet hours the deliveries of a reminder wait for their end; the in-app
message does not, because it makes no sound.
"""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from shared.db.repositories.accounts import Accounts
from shared.db.repositories.deliveries import WEBHOOK, Deliveries
from shared.db.repositories.notifications import Notifications
from shared.db.repositories.webhooks import Webhooks
from shared.db.uow import Transaction
from shared.domain import quiet_hours
from shared.domain.errors import Invalid
from shared.domain.webhook import payload
from shared.events.reminder import ReminderDue
from shared.runtime.received import ReceivedEvent

IN_APP = "in_app"
_SHOWN = ("reminder_id", "remind_at", "due", "due_at")  # what an in-app message repeats of its event


def handle(event: ReceivedEvent, tx: Transaction, *, notify: Callable[[str], None]) -> None:
    """Write the rows of the event; a second call for the same event changes nothing.

    `notify(user_id)` is called after the commit if something can be sent at once.
    """
    event_id = _event_id(event)
    if event.type == ReminderDue.type and IN_APP in event.data.get("channels", ()):
        _notify(event, tx, event_id)
    if event.type == ReminderDue.type and WEBHOOK not in event.data.get("channels", ()):
        return  # the user chose other channels for this reminder
    endpoints = Webhooks(tx).asking_for(event.type)
    if not endpoints:
        return
    body = payload(event.type, occurred_at=event.time or tx.now, data=event.data)
    quiet_until = Accounts(tx).preferences().quiet_until(tx.now) if event.type in quiet_hours.EVENTS else None
    for webhook_id in endpoints:
        Deliveries(tx).add(
            event_id,
            event_type=event.type,
            channel=WEBHOOK,
            recipient=str(webhook_id),
            payload=body,
            not_before=quiet_until,
        )
    if quiet_until is None:
        tx.after_commit(partial(notify, tx.user_id))


def _notify(event: ReceivedEvent, tx: Transaction, event_id: UUID) -> None:
    title = event.data.get("title")
    Notifications(tx).add(
        event_id,
        event_type=event.type,
        task_id=event.task_id,
        title=title if isinstance(title, str) else "",
        data={name: event.data[name] for name in _SHOWN if name in event.data},
    )


def _event_id(event: ReceivedEvent) -> UUID:
    try:
        return UUID(event.id)
    except ValueError:
        raise Invalid("The event's id is not a UUID.", code="invalid_event_data") from None
