from scripts.cluster.api import Unexpected
from scripts.cluster.e2e.command import CASES, _with_the_last, run_case
from scripts.cluster.e2e.report import Facts, failed, render
from scripts.cluster.e2e.results import Broke, NotToBeHad, Result, write

FACTS = Facts(
    began="2026-11-25 12:00 UTC",
    seconds=1200,
    commit="abc1234",
    machine="1 node(s), 2 processors, 24 GiB of memory",
    versions={"Kubernetes": "v1.34.4"},
    real=("Kubernetes", "Knative Serving"),
    replaced=("KafkaSource is not installed: replaced by the stand-in",),
)


def raising(error):
    def case(_bench):
        raise error

    return case


def test_what_a_case_raises_is_its_verdict():
    assert run_case("a", lambda _: {"took": "1 s"}, None).verdict == "PASS"
    assert run_case("a", raising(NotToBeHad("no broker here")), None).verdict == "NOT RUN"
    broke = run_case("a", raising(Broke("3 of 100 failed", {"writes": "100"})), None)
    assert (broke.verdict, broke.why, broke.figures) == ("FAIL", "3 of 100 failed", {"writes": "100"})
    for error in (Unexpected("not within 60 s"), ConnectionResetError("gone"), KeyError("items")):
        assert run_case("a", raising(error), None).verdict == "FAIL"


def test_not_run_is_shown_with_its_reason_and_is_not_counted_as_passed():
    results = [
        Result("Main job", "PASS", {"creation": "1.9 s"}, seconds=12),
        Result("Broker restarted", "NOT RUN", why="give --restart-broker COMMAND"),
        Result(
            "Rolling update",
            "FAIL",
            {"writes": "700"},
            "2 of 700 writes failed | first: 503",
            40,
            "2026-11-25 12:00 abc",
        ),
    ]
    text = render(FACTS, results)
    assert "- 1 PASS, 1 FAIL, 1 NOT RUN" in text
    assert "| Broker restarted | NOT RUN | 0 s |  | give --restart-broker COMMAND |" in text
    assert (
        r"| Rolling update | FAIL | 40 s | 2026-11-25 12:00 abc | 2 of 700 writes failed \| first: 503 |"
        in text
    )
    assert "| creation | 1.9 s |" in text
    assert "- KafkaSource is not installed: replaced by the stand-in" in text
    assert "### Broker restarted" not in text


def test_only_a_failure_fails_the_command():
    assert not failed([Result("a", "PASS"), Result("b", "NOT RUN", why="no such thing here")])
    assert failed([Result("a", "PASS"), Result("b", "FAIL")])


def test_nothing_replaced_is_said():
    whole = Facts(**{**FACTS.__dict__, "replaced": ()})
    assert "Nothing was replaced." in render(whole, [])


def test_every_case_says_what_it_shows():
    assert len(CASES) == 12
    assert all(case.__doc__ for case in CASES.values())


def test_cases_that_were_not_asked_for_keep_their_last_result(tmp_path):
    first, second, third = list(CASES)[:3]
    record = tmp_path / "cluster.json"
    write(
        record,
        [Result(first, "FAIL", why="broken", ran="old"), Result(second, "PASS", {"a": "1"}, ran="old")],
    )
    results = {item.case: item for item in _with_the_last([Result(first, "PASS", ran="new")], record)}
    assert list(results) == list(CASES)
    assert (results[first].verdict, results[first].ran) == ("PASS", "new")
    assert (results[second].figures, results[second].ran) == ({"a": "1"}, "old")
    assert results[third].verdict == "NOT RUN"
