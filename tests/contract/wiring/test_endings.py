"""A pod ends by itself before it is killed, and no timeout of Knative cuts what the function may still do.

`timeoutSeconds` is also the pod's grace. queue-proxy drains first, until no request has come for 30 s
(knative/serving pkg/queue/sharedmain/main.go, drainSleepDuration); the function gets SIGTERM only then.
"""

from pathlib import Path

import pytest
import yaml

from functions.updates.stream import HEARTBEAT_SECONDS, START_SECONDS
from scripts.scaffold.command import files
from shared.events.task import TaskCompleted
from shared.runtime import asgi, wsgi
from shared.runtime.event import TICK_SECONDS
from shared.runtime.lifecycle import FLUSH_SECONDS

PROJECT = Path(__file__).resolve().parents[3]
QUEUE_PROXY_DRAIN_SECONDS = 30
LEAST_SECONDS = 10  # from SIGTERM to SIGKILL
NAMES = sorted(p.stem for p in PROJECT.glob("knative/*.yaml"))
STREAMS = {"updates"}
NEW = "neverwas"  # also in a tree where scripts/new-function has been tried


def env(pod):
    return {e["name"]: e.get("value") for e in pod["containers"][0]["env"]}


def left_after_sigterm(pod):
    """Seconds that the process has when it no longer accepts requests."""
    return pod["timeoutSeconds"] - QUEUE_PROXY_DRAIN_SECONDS - float(env(pod)["DRAIN_SECONDS"])


def check_ending(pod, *, finish):
    assert env(pod)["DRAIN_SECONDS"] == "0", "queue-proxy has drained already"
    assert left_after_sigterm(pod) >= LEAST_SECONDS
    assert left_after_sigterm(pod) >= finish + FLUSH_SECONDS + 2, "killed before what is pending is flushed"


@pytest.fixture
def pod_of(services):
    return lambda name: services[name]["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", NAMES)
def test_a_pod_ends_before_it_is_killed(pod_of, name):
    check_ending(pod_of(name), finish=(asgi if name in STREAMS else wsgi).FINISH_SECONDS)


def test_so_does_the_pod_of_a_new_function():
    made = yaml.safe_load(files(NEW, TaskCompleted.type, root=PROJECT)[f"knative/{NEW}.yaml"])

    check_ending(made["spec"]["template"]["spec"], finish=wsgi.FINISH_SECONDS)


def test_kn_gives_a_new_function_no_drain_either():
    """kn cannot say timeoutSeconds: the cluster's default, 300, is the grace."""
    made = yaml.safe_load(files(NEW, TaskCompleted.type, root=PROJECT)[f"functions/{NEW}/func.yaml"])

    assert {"name": "DRAIN_SECONDS", "value": "0"} in made["run"]["envs"]


def test_a_tick_may_answer_as_late_as_its_budget_allows(wired, pod_of):
    """It answers at its end: the timeout for the start of an answer counts, and the shorter one."""
    for tick in wired.ticks.values():
        pod = pod_of(tick.sink.name)
        cut = min(pod["timeoutSeconds"], pod["responseStartTimeoutSeconds"])
        assert cut >= TICK_SECONDS + LEAST_SECONDS, tick.name


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_streams_start_and_go_on_within_what_knative_waits_for(pod_of, name):
    pod = pod_of(name)

    assert pod["responseStartTimeoutSeconds"] > START_SECONDS + LEAST_SECONDS
    assert pod.get("idleTimeoutSeconds", 3 * HEARTBEAT_SECONDS) >= 2 * HEARTBEAT_SECONDS
