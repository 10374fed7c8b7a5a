"""The wiring that every publishing function shares. Called by the `wire` of its `main.py`, after the fork."""

from collections.abc import Callable

from shared.db.pool import Database
from shared.db.uow import UnitOfWork
from shared.messaging.ports import Publisher
from shared.runtime.publisher import PublisherThread
from shared.runtime.settings import Process, load


def publishing_uow(name: str, dsn: str, kafka: str) -> UnitOfWork:
    """A unit of work of the function `name` whose outbox rows are published right after their commit."""
    database = Database(dsn, max_size=load(Process).threads + 1, application_name=name)  # + the publisher
    publisher = PublisherThread(connector(kafka), database)
    return UnitOfWork(database, source=f"/taskflow/{name}", on_commit=publisher.notify)


def connector(kafka: str) -> Callable[[], Publisher]:
    """What makes a publisher to `kafka`, when the first row is to be published."""

    def make() -> Publisher:
        from shared.messaging.connect import connect  # the Kafka client: not before the first publish

        return connect(kafka)

    return make
