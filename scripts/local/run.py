"""`scripts/run`: starts the local platform, keeps it running, stops it without leaving a process behind.

Order: lock, ports, manifests, database, topics, listeners, feeds and ticks; ended in reverse.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from socket import socket
from types import FrameType

from scripts.local.asgi import listen
from scripts.local.composition import Platform, say
from scripts.local.database import Revivable
from scripts.local.log import EmbeddedTopics
from scripts.local.manifests import load
from scripts.local.model import ManifestError, SecretRef, Wiring
from scripts.local.state import PROJECT, CannotStart, State, home
from scripts.local.topics import Topics, TopicsUnavailable
from shared.messaging.topics import TopicsDiffer

DATABASE = "taskflow-database"  # the Secret whose keys are the roles of the embedded PostgreSQL
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/run", description="The local platform (docs/local-platform.md)."
    )
    add = parser.add_argument
    add("--port", type=int, default=8080, help="gateway; +1 cluster-local, +2 status (default 8080)")
    add("--kafka", metavar="HOST:PORT", help="keep topics in this Kafka, not in the embedded log")
    add("--database", metavar="DSN", help="an administrator of a PostgreSQL to use, not the embedded one")
    add("--listen", metavar="ADDRESS", default="127.0.0.1", help="of gateway and status (default 127.0.0.1)")
    add("--data", metavar="DIR", help="state directory (default TASKFLOW_HOME or .taskflow/)")
    add("--reset", action="store_true", help="forget all state first")
    add("--no-scale-to-zero", action="store_true", help="a process once started stays")
    add("--manifests", metavar="DIR", default=str(PROJECT), help="holds knative/ and eventing/")
    add("--default-service", default="tasks", help="answers for any other Host (default tasks)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Exit code 0 after a clean stop, 1 with one line (manifests: one per problem) when it cannot start."""
    began = float(os.environ.pop("TASKFLOW_BEGAN", time.time()))
    choice = options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)  # also while it starts
    try:
        with contextlib.ExitStack() as stack:
            _run(choice, State(home(choice.data)), stack, began=began)
    except (CannotStart, ManifestError, TopicsDiffer, TopicsUnavailable) as error:
        print(f"scripts/run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # during the start, before serve() took the signals over
        return 130
    say("stopped")
    return 0


def _run(choice: argparse.Namespace, state: State, stack: contextlib.ExitStack, *, began: float) -> None:
    stack.enter_context(state.lock())
    if choice.reset:
        state.reset()
        say(f"state   {state.directory} wiped")
    state.make()
    _log_to(state.logs / "platform.log")
    ports = [choice.port + n for n in range(3)]
    addresses = (choice.listen, "127.0.0.1", choice.listen)  # what is inside stays inside
    listeners = [
        stack.enter_context(contextlib.closing(listen(port, "--port", address=address)))
        for port, address in zip(ports, addresses, strict=True)
    ]
    wiring = load(Path(choice.manifests))
    counts = (
        f"{len(wiring.feeds)} sources and triggers, {len(wiring.ticks)} ticks, {len(wiring.topics)} topics"
    )
    say(f"loaded  {len(wiring.services)} services, {counts}")
    for name in state.end_leftovers():
        say(f"ended   {name}, left behind by a platform that was killed")
    postgres = _database(wiring, state, stack, given=choice.database)
    stack.callback(_ignore_signals)  # a second Ctrl-C must not interrupt the stop of the database
    asyncio.run(serve(choice, state, wiring=wiring, listeners=listeners, postgres=postgres, began=began))


async def serve(
    choice: argparse.Namespace,
    state: State,
    *,
    wiring: Wiring,
    listeners: list[socket],
    postgres: Revivable | None,
    began: float,
) -> None:
    """Until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:  # a second signal changes nothing: it stops already
        loop.add_signal_handler(number, stop.set)
    platform = Platform(
        wiring,
        state,
        port=choice.port,
        topics=_topics(choice, state),
        kafka=choice.kafka,
        scale_to_zero=not choice.no_scale_to_zero,
        default_service=choice.default_service,
        postgres=postgres,
    )
    try:
        await platform.open(listeners)
        state.announce({"pid": os.getpid(), "urls": platform.urls})
        _welcome(platform.urls, wiring, state, seconds=time.time() - began)
        await stop.wait()
        say("stopping …")
    finally:
        await platform.close()
        state.withdraw()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _topics(choice: argparse.Namespace, state: State) -> Topics:
    if not choice.kafka:
        return EmbeddedTopics(state.topics)
    from scripts.local.kafka_log import KafkaTopics  # 90 ms that the embedded log need not pay

    topics: Topics = KafkaTopics(choice.kafka)
    return topics


def _database(
    wiring: Wiring, state: State, stack: contextlib.ExitStack, *, given: str | None
) -> Revivable | None:
    """The embedded PostgreSQL (None: the given one), if any Service asks for it; its DSNs become secrets."""
    secrets = {value for service in wiring.services.values() for _, value in service.env}
    if not any(isinstance(value, SecretRef) and value.name == DATABASE for value in secrets):
        return None
    if given:
        from scripts.local.given_postgres import connect

        say("preparing PostgreSQL …")
        _keep(connect(given, state.directory), state)
        return None
    from scripts.local.postgres import EmbeddedPostgres, PostgresFailed  # psycopg: only with a database
    from scripts.local.postgres_binaries import PostgresMissing

    began = time.monotonic()
    say("starting PostgreSQL …")
    try:
        server = EmbeddedPostgres(state.database)
        stack.callback(server.stop)
        dsns = server.start()
    except (PostgresFailed, PostgresMissing) as error:
        raise CannotStart(f"{error} (or begin afresh with --reset)") from error
    _keep(dsns, state)
    say(f"ready   PostgreSQL, migrated, in {time.monotonic() - began:.1f} s")
    return server


def _keep(dsns: Mapping[str, str], state: State) -> None:
    for role, dsn in dsns.items():
        state.write_secret(SecretRef(DATABASE, role), dsn)


def _welcome(urls: Mapping[str, str], wiring: Wiring, state: State, *, seconds: float) -> None:
    port = urls["gateway"].rpartition(":")[2]
    public = sorted(name for name, service in wiring.services.items() if service.public)
    names = ", ".join(f"http://{name}.{wiring.namespace}.localhost:{port}" for name in public)
    say(f"gateway {urls['gateway']}   (or by name: {names})")
    say(f"inside  {urls['inner']}   cluster-local services, ingresses, JWKS")
    say(f"status  {urls['status']}   logs in {state.logs}")
    say(f"ready in {seconds:.1f} s; Ctrl-C stops everything")


def _log_to(path: Path) -> None:
    """Library warnings and tracebacks of the platform itself; the console keeps the progress lines."""
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    logging.basicConfig(filename=path, level=logging.WARNING, format=form)
