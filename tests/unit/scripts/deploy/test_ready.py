"""When a release counts as ready, when waiting is over, and what a person is shown."""

from scripts.deploy.difference import differences
from scripts.deploy.evidence import event_lines, pod_lines
from scripts.deploy.ready import PATIENCE, State, absent, state, wait, wanted_names


def service(*, ready="True", revision="tasks-1", latest="tasks-1", generation=2, observed=2, reason=None):
    condition = {"type": "Ready", "status": ready} | ({"reason": reason, "message": "why"} if reason else {})
    return {
        "kind": "Service",
        "apiVersion": "serving.knative.dev/v1",
        "metadata": {"name": "tasks", "generation": generation},
        "spec": {"template": {"metadata": {"name": revision}}},
        "status": {
            "observedGeneration": observed,
            "conditions": [{"type": "RoutesReady", "status": "True"}, condition],
            "latestReadyRevisionName": latest,
        },
    }


def test_a_service_is_ready_when_its_own_revision_serves():
    assert state(service()).verdict is True


def test_ready_of_the_generation_before_does_not_count():
    assert state(service(observed=1)).verdict is None


def test_ready_with_the_old_revision_does_not_count():
    found = state(service(latest="tasks-0"))

    assert found.verdict is None
    assert "tasks-1" in found.reason


def test_a_failure_has_its_reason():
    assert state(service(ready="False", reason="RevisionFailed")) == State(
        "Service tasks", False, "RevisionFailed: why"
    )


def test_an_object_that_nobody_has_looked_at_is_unknown():
    assert state({"kind": "KafkaTopic", "metadata": {"name": "a", "generation": 1}}).verdict is None


def test_what_is_not_there_is_not_ready():
    assert absent(["Broker a", "Broker b"], [State("Broker a", True, "")]) == [
        State("Broker b", None, "is not there yet")
    ]


def test_kubernetes_own_services_and_domains_are_not_waited_for():
    knative = service()
    own = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "x"}}
    domain = {"kind": "DomainMapping", "apiVersion": "serving.knative.dev/v1beta1", "metadata": {"name": "h"}}

    assert wanted_names([knative, own, domain]) == ["Service tasks"]


class Clock:
    """Moves only when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def waited(looks, seconds=600.0):
    clock, said = Clock(), []
    answers = iter(looks)
    last = wait(lambda: next(answers), seconds=seconds, say=said.append, clock=clock, sleep=clock.sleep)
    return last, clock.now, said


GOOD, UNKNOWN, BAD = State("a", True, ""), State("a", None, "soon"), State("a", False, "image")


def forever(value):
    while True:
        yield [value]


def test_waiting_ends_when_all_are_ready():
    last, seconds, said = waited([[UNKNOWN], [UNKNOWN], [GOOD]])

    assert (last, seconds) == ([], 4.0)
    assert said == ["0 of 1 objects are ready", "1 of 1 objects are ready"]


def test_a_failure_in_passing_is_waited_out():
    assert waited([[BAD], [UNKNOWN], [BAD], [GOOD]])[0] == []


def test_a_failure_that_stays_ends_the_waiting_early():
    last, seconds, _ = waited(forever(BAD))

    assert last == [BAD]
    assert PATIENCE <= seconds < PATIENCE + 3


def test_a_failure_that_comes_and_goes_is_not_one_that_stays():
    def flapping():
        while True:
            yield [BAD]
            yield [UNKNOWN]

    assert waited(flapping(), seconds=200.0)[1] >= 200.0


def test_waiting_ends_at_its_deadline():
    last, seconds, _ = waited(forever(UNKNOWN), seconds=30.0)

    assert last == [UNKNOWN]
    assert 30.0 <= seconds < 33.0


def test_pods_that_cannot_start_say_why():
    pod = {
        "metadata": {"name": "tasks-1"},
        "status": {
            "containerStatuses": [
                {
                    "name": "function",
                    "state": {"waiting": {"reason": "ErrImagePull", "message": "no\n such"}},
                },
                {"name": "queue-proxy", "state": {"running": {}}},
                {"name": "other", "state": {"waiting": {"reason": "ContainerCreating"}}},
            ]
        },
    }

    assert pod_lines(pod) == ["pod tasks-1, function: ErrImagePull no such"]


def test_warnings_are_shown_once_newest_last():
    def event(at, message):
        return {
            "lastTimestamp": at,
            "involvedObject": {"kind": "Pod", "name": "p"},
            "reason": "Failed",
            "message": message,
        }

    lines = event_lines([event("2026-01-02", "b"), event("2026-01-01", "a"), event("2026-01-03", "a")])

    assert lines == ["event Pod p: Failed: a", "event Pod p: Failed: b"]


def test_a_difference_is_told_object_by_object():
    old = "kind: A\nmetadata: {name: x}\nspec: 1\n---\nkind: B\nmetadata: {name: y}\n"
    new = "kind: A\nmetadata: {name: x}\nspec: 2\n"

    lines = differences(old, new)
    assert "-spec: 1" in lines
    assert "+spec: 2" in lines
    assert "--- deployed B y" in lines
    assert differences(old, old) == []
