from scripts.cluster.e2e.bench import merged
from scripts.cluster.e2e.load import Sent, summary


def test_a_summary_counts_every_answer_and_times_the_good_ones():
    sent = [Sent("a", 0, 201, 0.01), Sent("b", 0, 201, 0.03), Sent("c", 0, 503, 9.0), Sent("d", 0, 0, 9.0)]
    found = summary(sent)
    assert found["writes"] == "4"
    assert found["answers"] == "no answer: 1, 201: 2, 503: 1"
    assert found["slowest"] == "30 ms"


def test_without_a_good_answer_no_time_is_claimed():
    assert "median" not in summary([Sent("a", 0, 503, 0.1)])


def test_one_value_is_changed_and_the_rest_stays():
    values = {"image": {"repository": "r", "digest": "a"}, "kafka": {"partitions": 3}}
    assert merged(values, {"image": {"digest": "b"}}) == {
        "image": {"repository": "r", "digest": "b"},
        "kafka": {"partitions": 3},
    }
    assert values["image"]["digest"] == "a"
