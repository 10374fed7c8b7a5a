import json

from scripts.cluster.e2e.memory import Memory, limits, service_of
from scripts.cluster.e2e.pods import SERVICE, Ended, Pods, endings


def pod(name="tasks-1a2b-deployment-7c9f-x", service="tasks", *, ready=True, deleted=False, **state):
    meta = {"name": name, "labels": {SERVICE: service}}
    if deleted:
        meta["deletionTimestamp"] = "2026-11-25T12:00:00Z"
    status = {
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "function", **state}],
    }
    container = {"name": "function", "resources": {"limits": {"memory": "384Mi"}}}
    return {"metadata": meta, "spec": {"containers": [container]}, "status": status}


def terminated(code, reason="Completed"):
    return {"terminated": {"exitCode": code, "reason": reason}}


def test_a_pod_that_is_being_ended_takes_no_requests():
    pods = Pods()
    pods.see("ADDED", pod())
    assert pods.ready("tasks") == ["tasks-1a2b-deployment-7c9f-x"]
    assert pods.awake() == {"tasks"}
    pods.see("MODIFIED", pod(deleted=True))
    assert pods.ready("tasks") == []
    assert pods.awake() == set()
    pods.see("DELETED", pod(deleted=True))
    assert pods.of("tasks") == []


def test_a_pod_that_waits_for_an_absent_image_is_not_awake():
    pods = Pods()
    pods.see("ADDED", pod(ready=False, state={"waiting": {"reason": "ImagePullBackOff"}}))
    assert pods.awake() == set()


def test_ends_are_kept_when_the_pod_is_gone():
    pods = Pods()
    pods.see("ADDED", pod())
    pods.see("MODIFIED", pod(deleted=True, state=terminated(137, "Error")))
    pods.see("DELETED", pod(deleted=True, state=terminated(137, "Error")))
    assert pods.ended() == [Ended("tasks-1a2b-deployment-7c9f-x", "tasks", "function", 137, "Error")]


def test_a_container_that_was_killed_before_its_last_start_counts():
    (ended,) = endings(pod(state={"running": {}}, lastState=terminated(137, "OOMKilled")))
    assert (ended.code, ended.reason) == (137, "OOMKilled")


def test_limits_and_peaks_have_the_same_names():
    assert limits(pod()) == {"tasks/function": 384.0}
    memory = Memory()
    for size in (90, 40):
        memory.see(
            {
                "pods": [
                    {
                        "podRef": {"namespace": "todo-app", "name": "tasks-1a2b-deployment-7c9f-x"},
                        "containers": [{"name": "function", "memory": {"workingSetBytes": size * 2**20}}],
                    },
                    {"podRef": {"namespace": "kube-system", "name": "other"}, "containers": []},
                ]
            }
        )
    assert memory.peaks() == {"tasks/function": 90.0}


def test_names_of_pods_lead_to_their_functions():
    assert service_of("tasks-1a2b3c4d-deployment-5f6b7c-abcde") == "tasks"
    assert service_of("notifications-00002-deployment-5f6b7c-abcde") == "notifications"
    assert service_of("taskflow-postgresql-5f6b7c-abcde") == "taskflow-postgresql"


def test_it_knows_the_pods_that_were_there_before_and_those_that_come(monkeypatch):
    later = {"type": "ADDED", "object": pod("audit-1a2b-deployment-7c9f-y", "audit")}
    monkeypatch.setattr("scripts.cluster.e2e.pods.items", lambda *_: [pod()])
    monkeypatch.setattr("scripts.cluster.e2e.pods.subprocess.Popen", lambda *_, **__: Kubectl([later]))
    pods = Pods()
    pods.open()
    pods.close()
    assert pods.awake() == {"tasks", "audit"}


class Kubectl:
    """Writes an event a line, as `kubectl get --watch --output-watch-events -o json` does."""

    def __init__(self, events):
        self.stdout = [json.dumps(event) + "\n" for event in events]

    def terminate(self):
        pass

    def wait(self):
        pass
