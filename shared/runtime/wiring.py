"""Makes the pool, the unit of work and the publisher of a function, after the fork. Called by the `wiring.py`
of the functions, or by the `wire` of their `main.py`.
"""

from collections.abc import Callable

from shared.db.pool import Database
from shared.db.uow import UnitOfWork
from shared.messaging.ports import Publisher
from shared.runtime import deadline
from shared.runtime.publisher import PublisherThread
from shared.runtime.settings import Process, kafka_security, load


def publishing_uow(name: str, dsn: str, kafka: str) -> UnitOfWork:
    """A unit of work of the function `name` whose outbox rows are published right after their commit."""
    pool = database(name, dsn)
    publisher = PublisherThread(connector(kafka), pool)
    return UnitOfWork(pool, source=f"/taskflow/{name}", on_commit=publisher.notify)


def database(name: str, dsn: str) -> Database:
    """The pool of the function `name`. Its transactions end at the deadline of their request, event or
    tick.
    """
    return Database(
        dsn,
        max_size=connections(load(Process).threads),
        remaining=deadline.remaining,
        application_name=name,
    )


def connections(threads: int) -> int:
    """How many connections a process with `threads` may open; the manifests' sum is tested against this.

    One for two threads, because a request uses the database for less than half of its time, and one for the
    publisher, which keeps its connection while it waits for the log.

    >>> connections(8)
    5
    """
    return (threads + 1) // 2 + 1


def connector(kafka: str) -> Callable[[], Publisher]:
    """A function that makes a publisher for the address `kafka`; called before the first publish."""
    security = kafka_security()

    def make() -> Publisher:
        from shared.messaging.connect import connect  # the Kafka client: not before the first publish

        return connect(kafka, security)

    return make
