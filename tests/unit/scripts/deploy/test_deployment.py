"""In which order a deployment asks, acts, shows and goes back, whatever helm and the cluster answer."""

import json
from pathlib import Path

import pytest
import yaml

from scripts.deploy import release
from scripts.deploy.deployment import Deployment
from scripts.deploy.errors import Failed, Refused, Stuck
from scripts.deploy.ready import State
from scripts.deploy.tools import Answer

PING = {"apiVersion": "sources.knative.dev/v1", "kind": "PingSource", "metadata": {"name": "tick"}}
VERSION = json.dumps({"serverVersion": {"major": "1", "minor": "34"}})
DEPLOYED = json.dumps([{"revision": 3, "status": "deployed"}])


class Programs:
    """helm and kubectl as far as a deployment speaks to them; remembers what was asked of them."""

    namespace = "todo-app"

    def __init__(self, **helm):
        self.asked, self.served, self.absent = [], ["PingSource"], {}
        self._helm = {
            "template": Answer(0, yaml.safe_dump(PING), ""),
            "history": Answer(1, "", "Error: release: not found"),
            "get": Answer(0, yaml.safe_dump(PING), ""),
            "upgrade": Answer(0, "", ""),
            "rollback": Answer(0, "", ""),
            "uninstall": Answer(0, "", ""),
        } | helm

    def run_helm(self, verb, *arguments, seconds=None):
        self.asked.append(f"helm {verb}")

        return self._helm[verb]

    def run_kubectl(self, *arguments, given=None):
        self.asked.append(f"kubectl {arguments[0]}")
        if arguments[0] == "version":
            return Answer(0, VERSION, "")
        if "--raw" in arguments:
            return Answer(0, json.dumps({"resources": [{"kind": kind} for kind in self.served]}), "")
        if arguments[0] == "get" and arguments[1] in self.absent:
            return Answer(1, "", self.absent[arguments[1]])
        return Answer(0, "", "")

    def objects(self, kind, *arguments):
        self.asked.append(f"look at {kind}")
        return []


def deployment(programs, *waits):
    """`waits` are what is not ready in the end, one list for each time of waiting."""
    answers = iter(waits)

    def wait(look, *, seconds, say):
        programs.asked.append("wait")
        return next(answers)

    return Deployment(programs, "todo-chatbot", Path("chart"), [], seconds=60, wait=wait)


BROKEN = [State("Service tasks", False, "RevisionFailed: image")]


def test_nothing_is_changed_before_everything_is_checked():
    programs = Programs()
    deployment(programs).check()

    assert programs.asked == ["helm template", "kubectl version", "kubectl get", "helm history"]


def test_a_store_that_is_not_there_is_told_before_a_job_waits_for_it():
    external = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "a"},
        "spec": {"secretStoreRef": {"kind": "ClusterSecretStore", "name": "vault"}},
    }
    programs = Programs(template=Answer(0, yaml.safe_dump(external), ""))
    programs.served = [external["kind"]]
    programs.absent = {"clustersecretstore": 'Error from server (NotFound): "vault" not found'}

    with pytest.raises(Refused, match=r"ClusterSecretStore vault cannot be used .*NotFound.*create it"):
        deployment(programs).check()


def test_a_release_that_becomes_ready_is_left_alone():
    programs = Programs()
    found = deployment(programs, [])
    found.check()
    found.install()

    assert programs.asked[-2:] == ["helm upgrade", "wait"]


def test_what_ran_runs_again_and_the_evidence_was_shown_before(capsys):
    programs = Programs(history=Answer(0, DEPLOYED, ""))
    found = deployment(programs, BROKEN, [])
    found.check()
    with pytest.raises(Failed, match="rolled back to revision 3, which is serving again"):
        found.install()

    after = programs.asked[programs.asked.index("helm upgrade") :]
    assert after.index("look at events") < after.index("helm rollback") < after.index("helm get")
    assert after[-1] == "wait"
    assert "Service tasks: RevisionFailed: image" in capsys.readouterr().out


def test_a_rollback_that_does_not_become_ready_says_what_it_waits_for():
    programs = Programs(history=Answer(0, DEPLOYED, ""))
    found = deployment(programs, BROKEN, BROKEN)
    found.check()

    with pytest.raises(Failed, match="which waits for Service tasks"):
        found.install()


def test_a_failed_migration_is_told_and_rolled_back():
    said = (
        "Error: UPGRADE FAILED: pre-upgrade hooks failed: job taskflow-migrate failed: BackoffLimitExceeded"
    )
    programs = Programs(history=Answer(0, DEPLOYED, ""), upgrade=Answer(1, "", said))
    found = deployment(programs, [])
    found.check()

    with pytest.raises(
        Failed, match=r"^pre-upgrade hooks failed: job taskflow-migrate.*rolled back to revision 3"
    ):
        found.install()


def test_a_first_installation_that_fails_stays_for_inspection():
    programs = Programs()
    found = deployment(programs, BROKEN)
    found.check()
    with pytest.raises(Failed, match="has never been ready and stays for inspection"):
        found.install()

    assert "helm rollback" not in programs.asked
    assert "helm uninstall" not in programs.asked


def test_a_rollback_that_fails_calls_for_a_person():
    programs = Programs(history=Answer(0, DEPLOYED, ""), rollback=Answer(1, "", "Error: no revision"))
    found = deployment(programs, BROKEN)
    found.check()

    with pytest.raises(Stuck, match="run helm rollback todo-chatbot 3 --namespace todo-app"):
        found.install()


def test_a_deployment_of_somebody_else_is_not_disturbed():
    rows = json.dumps([{"revision": 1, "status": "deployed"}, {"revision": 2, "status": "pending-upgrade"}])
    programs = Programs(history=Answer(0, rows, ""))

    with pytest.raises(Refused, match="pending-upgrade"):
        deployment(programs).check()


@pytest.mark.parametrize(
    ("rows", "verb", "said"),
    [
        ([("deployed", 1), ("pending-upgrade", 2)], "rollback", "is back at revision 1"),
        ([("deployed", 1), ("failed", 2)], "rollback", "is back at revision 1"),
        ([("pending-install", 1)], "uninstall", "was never deployed and is removed"),
        ([("deployed", 4)], None, "there is nothing to recover"),
    ],
)
def test_recovery_goes_back_to_what_was_deployed(rows, verb, said):
    history = json.dumps([{"revision": number, "status": status} for status, number in rows])
    programs = Programs(history=Answer(0, history, ""))

    assert said in release.recover(programs, "todo-chatbot", seconds=60)
    assert [each for each in programs.asked if each != "helm history"] == ([f"helm {verb}"] if verb else [])
