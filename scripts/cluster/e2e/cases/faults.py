"""What breaks under it: a pod in mid-event, a pod that serves, the database, the broker."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping

from scripts.cluster import objects
from scripts.cluster.api import Door, Unexpected, eventually
from scripts.cluster.e2e.bench import Bench, pause
from scripts.cluster.e2e.load import Crowd, summary, write
from scripts.cluster.e2e.pods import is_ready
from scripts.cluster.e2e.results import Broke
from scripts.cluster.kubectl import kubectl, wait
from scripts.cluster.options import NAMESPACE
from scripts.cluster.smoke import RECURRING

_RATE = 5.0


def killed_in_mid_event(bench: Bench) -> Mapping[str, str]:
    """`recurrence` waits for a row that we hold and is killed; the event comes again and acts once."""
    bench.can_kill()
    door = bench.door()
    task = door.expect(201, "POST", "/v1/tasks", RECURRING)
    bench.asleep(("recurrence",))
    with _row_held(bench, task) as waiter:
        began = time.monotonic()
        door.expect(200, "POST", f"/v1/tasks/{task['id']}/complete")
        waiter.join()
        killed = [bench.kill_container(pod) for pod in bench.pods.of("recurrence") if is_ready(pod)]
    following = eventually("the next occurrence", lambda: _open(door, task["id"]), seconds=120)
    took = time.monotonic() - began
    pause(5)
    count = len(door.expect(200, "GET", "/v1/tasks?status=open")["items"])
    figures = {
        "killed": ", ".join(killed),
        "what the delivery saw": bench.complaint("recurrence"),
        "next occurrence": f"{following['occurrence_key']} {took:.1f} s after the completion",
        "open occurrences": str(count),
    }
    if count != 1 or not killed:
        raise Broke(f"{count} open occurrences, {len(killed)} containers killed", figures)
    return figures


@contextlib.contextmanager
def _row_held(bench: Bench, task: Mapping[str, str]) -> Iterator[threading.Thread]:
    """One session takes the series' row once the task is done, before `recurrence` has started, and holds it
    until three seconds after somebody waits for it; another ends when somebody does.
    """
    done = _WAIT.format(condition=f"select 1 from tasks where status = 'done' and id = '{task['id']}'")  # noqa: S608  # an id of ours
    row = f"perform id from series where id = '{task['series_id']}' for update;"
    held = f"{done} {row} {_SOMEBODY_WAITS} perform pg_sleep(3);"
    holder, waiter = (
        threading.Thread(target=bench.query, args=(f"do $$ begin {body} end $$",), daemon=True)
        for body in (held, _SOMEBODY_WAITS)
    )
    holder.start()
    waiter.start()
    pause(_SESSIONS)
    yield waiter
    holder.join()


_SESSIONS = 5.0  # seconds until both sessions are certainly there
_WAIT = """
for i in 1..3000 loop
  perform pg_stat_clear_snapshot();
  exit when exists ({condition});
  perform pg_sleep(0.02);
end loop;
"""
_SOMEBODY_WAITS = _WAIT.format(
    condition="select 1 from pg_stat_activity where usename = 'consumer' and wait_event_type = 'Lock'"
)


def _open(door: Door, before: str) -> dict[str, str] | None:
    items = door.expect(200, "GET", "/v1/tasks?status=open")["items"]
    return next((item for item in items if item["id"] != before), None)


def replaced_pod(bench: Bench) -> Mapping[str, str]:
    """The only pod of `tasks` is killed: how long until a new one answers."""
    door = bench.door()
    eventually("a first write", lambda: write(door).status == 201, seconds=90)
    victims = bench.awake("tasks")
    bench.kill_pods(victims)
    began = time.monotonic()
    eventually("a write by a new pod", lambda: write(door).status == 201, seconds=60)
    took = time.monotonic() - began
    now = set(bench.awake("tasks"))
    figures = {"killed": ", ".join(victims), "serving again after": f"{took:.1f} s", "by": ", ".join(now)}
    if now & set(victims):
        raise Broke("the old pod still serves", figures)
    return figures


def database_restarted(bench: Bench) -> Mapping[str, str]:
    """PostgreSQL's process is ended under writes: errors while it is away, nothing acknowledged is lost."""
    with Crowd([bench.door() for _ in range(5)], _RATE) as crowd:
        pause(5)
        kubectl("exec", "--namespace", NAMESPACE, f"deployment/{objects.DATABASE}", "--", *_END)
        began = time.monotonic()
        pause(2)
        wait(f"deployment {objects.DATABASE}", "condition=Available", seconds=120)
        door = bench.door()
        eventually("a write", lambda: write(door).status == 201, seconds=60)
        took = time.monotonic() - began
        pause(5)
    ended = [item for item in bench.pods.ended() if item.pod.startswith(objects.DATABASE)]
    if not ended:
        raise Broke("PostgreSQL was not ended", summary(crowd.sent()))
    return _nothing_lost(bench, crowd, {"writes were accepted again after": f"{took:.1f} s"})


_END = ("python", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")


def broker_restarted(bench: Bench) -> Mapping[str, str]:
    """Kafka is ended under writes: they go on, and their events arrive when it is back."""
    with Crowd([bench.door() for _ in range(5)], _RATE) as crowd:
        pause(5)
        bench.restart_broker()
        began = time.monotonic()
        pause(20)
    figures = _nothing_lost(bench, crowd, {})
    figures["lag 0 after"] = f"{time.monotonic() - began:.0f} s"
    bad = [item for item in crowd.sent() if item.status != 201]
    if bad:
        raise Broke(f"{len(bad)} writes failed while only the broker was away", figures)
    return figures


def _nothing_lost(bench: Bench, crowd: Crowd, figures: dict[str, str]) -> dict[str, str]:
    """Acknowledged means stored, and no consumer has anything left."""
    sent = crowd.sent()
    figures |= summary(sent)
    bench.check_stored(sent, figures)
    pending = eventually("an empty outbox", lambda: _emptied(bench), seconds=180, pause=2)
    figures["outbox and lag"] = pending
    return figures


def _emptied(bench: Bench) -> str | None:
    """Says "0" once every event has left the outbox and every consumer has had it."""
    try:
        left = int(bench.query("select count(*) from outbox where published_at is null")[0][0])
        lag = bench.lag()
    except (Unexpected, ValueError):
        return None
    return "0" if left == 0 and lag == 0 else None
