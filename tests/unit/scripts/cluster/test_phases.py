import threading

import pytest

from scripts.cluster.phases import Phase, Unordered, check, line, run


class Broken(Exception):
    pass


def failing():
    raise Broken("no such node")


def test_a_phase_begins_when_all_that_it_needs_is_done():
    order = []

    def work(name):
        return lambda: order.append(name) or ()

    phases = [
        Phase("sources", work("sources"), ("topics", "functions")),
        Phase("topics", work("topics")),
        Phase("functions", work("functions"), ("topics",)),
    ]
    ran = run(phases, lambda _: None)
    assert order == ["topics", "functions", "sources"]
    assert [item.name for item in ran] == order


def test_phases_that_need_nothing_of_each_other_run_side_by_side():
    both = threading.Barrier(2, timeout=30)  # breaks unless the two are there at once
    run([Phase("a", lambda: [str(both.wait())]), Phase("b", lambda: [str(both.wait())])], lambda _: None)


def test_a_failure_stops_what_needs_it_and_nothing_else():
    said = []
    phases = [
        Phase("release", failing, ("images",)),
        Phase("images", lambda: ["image"]),
        Phase("smoke test", lambda: pytest.fail("must not run"), ("release",)),
        Phase("issuer", lambda: ["issuer"], ("images",)),
    ]
    ran = {item.name: item for item in run(phases, said.append, expected=(Broken,))}
    assert set(ran) == {"images", "release", "issuer"}
    assert ran["release"].error == "no such node"
    assert any(text.startswith("FAILED release") and "no such node" in text for text in said)


def test_a_mistake_of_the_program_is_not_a_line_but_a_traceback():
    with pytest.raises(Broken):
        run([Phase("release", failing)], lambda _: None)


def test_phases_that_wait_for_one_another_are_refused():
    with pytest.raises(Unordered):
        check([Phase("a", list, ("b",)), Phase("b", list, ("a",))])
    with pytest.raises(Unordered):
        check([Phase("a", list, ("nobody",))])


def test_a_line_says_the_time_and_what_changed():
    ticks = iter([10.0, 12.5])
    (ran,) = run(
        [Phase("topics", lambda: ["a", "b", "c", "d", "e", "f"])], lambda _: None, clock=lambda: next(ticks)
    )
    assert "2.5 s" in line(ran)
    assert "a, b, c, d and 2 more" in line(ran)
    (idle,) = run([Phase("topics", list)], lambda _: None)
    assert line(idle).endswith("no change")
