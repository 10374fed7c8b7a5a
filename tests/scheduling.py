"""Which tests a parallel run keeps in one worker, and which it begins with. Used by tests/conftest.py.

A file is the rule: its fixtures are made once. (`xdist_group` marks are lost with pytest 9.2 and
pytest-xdist 3.8, which writes to an attribute that nodes no longer have.)
"""

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# Beginnings of node ids → unit: what shares a platform, or changes what is the server's (roles).
TOGETHER = {
    "tests/e2e/test_main_job.py": "platform",
    "tests/e2e/test_readme.py": "platform",
    "tests/e2e/test_faults.py::test_an_event_that_comes_twice": "platform",
    "tests/e2e/test_faults.py::test_poison": "platform",
    "tests/integration/shared/db/test_migrations.py": "roles",
    "tests/integration/scripts/test_migrate.py": "roles",
    "tests/integration/shared/db/test_access.py": "roles",
}
# Files whose tests share little and take long: a class, or a test, is a unit.
BY_CLASS = ("tests/integration/scripts/test_platform.py",)
BY_TEST = (
    "tests/contract/shared/domain/test_recurrence_dateutil.py",
    "tests/e2e/test_faults.py",
    "tests/integration/simulation/test_year.py",
)
# What takes long and comes last is waited for alone: the longest first, and something short after them, since
# a worker holds one unit beyond the test that it runs.
FIRST = (
    "tests/e2e/test_drill.py",
    "tests/e2e/test_restore_drill.py",
    "tests/e2e/test_faults.py::test_killing_recurrence_at_any_step_loses_and_doubles_nothing[after_commit]",
    "tests/e2e/test_real_kafka.py",
    "tests/e2e/test_main_job.py",
    "tests/e2e/test_faults.py",
    "tests/contract/scaffold/",
    "tests/contract/house/test_checks.py",
    "tests/integration/simulation/",
    "tests/integration/scripts/",
    "tests/integration/shared/messaging/",
    "tests/integration/shared/runtime/",
)
_NEEDED = 2  # tests that a worker knows of while it runs the first


def scope_of(node_id: str) -> str:
    """The unit that a test belongs to; a unit is never divided between workers."""
    for beginning, name in TOGETHER.items():
        if node_id.startswith(beginning):
            return name
    file, *rest = node_id.split("::")
    if file in BY_TEST:
        return node_id
    return f"{file}::{rest[0]}" if file in BY_CLASS else file


def early(node_id: str) -> int:
    """The lower, the earlier."""
    found = [at for at, beginning in enumerate(FIRST) if node_id.startswith(beginning)]
    return found[0] if found else len(FIRST)


class Units(LoadScopeScheduling):
    """Hands out units in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """The test in which the worker died, which is not run again: it would end the next worker, too."""
        units = self.assigned_work.pop(node)
        left = [(unit, test) for unit in units.values() for test, done in unit.items() if not done]
        if not left:
            return None
        unit, test = left[0]
        unit[test] = True
        self.workqueue.update({name: each for name, each in units.items() if not all(each.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return test

    def _reschedule(self, node: WorkerController) -> None:
        """A worker that replaces a dead one is asked again when it has collected.

        It runs a test when it knows the next one, so that it needs two; the base class gives it a third,
        which then waits for it alone.
        """
        if node not in self.registered_collections or node.shutting_down:
            return
        if not self.workqueue:
            node.shutdown()
        elif self._pending_of(self.assigned_work[node]) < _NEEDED:
            self._assign(node)

    def _assign(self, node: WorkerController) -> None:
        try:
            self._assign_work_unit(node)
        except OSError:  # it has died in the same moment: what it was given comes back with its own end
            self.log("a worker that is gone cannot be given work", node)
