"""All pods together never want more connections than the smallest database gives."""

import ast

from shared.runtime.wiring import connections, database

SMALLEST = 97  # connections that Neon's smallest compute (0.25 CU) leaves to us
SHARE = 0.8  # the rest is for migrations, people, and pods of a revision that is on its way out


def _most(service):
    """(pods, threads of each)"""
    template = service["spec"]["template"]
    scale = int(template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"])
    env = {e["name"]: e.get("value") for e in template["spec"]["containers"][0]["env"]}
    return scale, int(env["THREADS"])


def test_the_pods_of_all_services_fit_into_the_smallest_database(services):
    wanted = {name: pods * connections(threads) for name, (pods, threads) in _limits(services).items()}
    assert sum(wanted.values()) <= SHARE * SMALLEST, wanted


def _limits(services):
    found = {name: _most(service) for name, service in services.items()}
    assert all(pods >= 1 for pods, _ in found.values()), "max-scale 0 is no limit"
    return found


def test_a_pool_has_room_for_the_publisher_beside_a_request():
    assert [connections(threads) for threads in (1, 2, 4, 8)] == [2, 2, 3, 5]


def test_the_pool_of_a_process_is_as_large_as_that(monkeypatch):
    monkeypatch.setenv("THREADS", "6")
    pool = database("tasks", "postgresql://nobody@nowhere.invalid/x")
    assert pool._max_size == connections(6) == 4


def test_functions_make_no_pools_of_their_own(project):
    sources = [*project.glob("functions/**/*.py"), *project.glob("shared/**/*.py")]
    found = {
        path.relative_to(project).as_posix()
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Database"
    }
    assert found == {"shared/runtime/wiring.py"}
