"""The files that are written for a new function; all others are copied from `recurrence`. Read by `command`.

NAME and EVENT stand for the function and for the class of the event that wakes it, TYPE for its type.
"""

INIT = '''"""Logs the EVENT events that wake it."""
'''

HANDLER = '''"""What `NAME` does with an event that the adapter has checked, in one transaction."""

from shared.db.uow import Transaction
from shared.events.MODULE import EVENT
from shared.runtime.logging import get_logger
from shared.runtime.received import ReceivedEvent

ACCEPTS = (EVENT.type,)
log = get_logger(__name__)


def handle(event: ReceivedEvent, tx: Transaction) -> None:
    """Runs once per event, also if it is delivered twice; an exception rolls everything back."""
    log.info("NAME was woken", task_id=str(event.task_id), at=tx.now.isoformat())
'''

TRIGGER = """# EVENT wakes `NAME`.
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: NAME
  namespace: todo-app
  labels:
    app.kubernetes.io/part-of: taskflow
    taskflow/reconciled: "false"  # shared/events/catalog.py does not name NAME yet
  annotations:
    kafka.eventing.knative.dev/delivery.order: ordered
spec:
  broker: task-events
  filters:
    - exact:
        type: TYPE
"""

UNIT_TEST = '''"""What `NAME` accepts, and that it accepts nothing else."""

import pytest

from functions.NAME.handler import ACCEPTS
from shared.events.catalog import EVENTS
from shared.events.MODULE import EVENT


def test_it_accepts_the_event_of_its_trigger():
    assert EVENT.type in ACCEPTS


@pytest.mark.parametrize("event_type", ACCEPTS)
def test_what_it_accepts_exists(event_type):
    assert event_type in EVENTS
'''

INTEGRATION_TEST = '''"""`NAME` against PostgreSQL: once per event, however often it is delivered."""

import pytest

from functions.NAME.handler import ACCEPTS, handle
from shared.events.MODULE import EVENT
from shared.runtime.event import consume, function
from shared.testing.deliveries import post


@pytest.fixture
def NAME(uow):
    return function("NAME", on_event=consume("NAME", handle, uow=uow("consumer"), accepts=ACCEPTS))


def test_an_event_is_handled_once(NAME, task_event, rows, user_id):
    event = task_event(user_id, EVENT)

    assert [post(NAME, event).status_code for _ in range(2)] == [204, 204]
    assert rows("select consumer from inbox where ce_id = %s", str(event.event_id)) == [("NAME",)]
'''
