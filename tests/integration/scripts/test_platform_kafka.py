"""The local platform on a real Kafka: the same deliveries, offsets in the broker, tools that speak to it."""

import pytest

from tests.integration.scripts.platform_under_test import TRIGGER, Manifests, platform, wait_for
from tests.integration.scripts.test_platform import lag, tool
from tests.real_kafka import real_kafka


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with real_kafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def manifests(tmp_path):
    made = Manifests(tmp_path / "manifests")
    made.service("web")
    made.source("jobs", f"jobs-{tmp_path.name}", "web")
    return made


def test_events_are_delivered_retried_and_dead_lettered(broker, manifests, tmp_path):
    topic = f"jobs-{tmp_path.name}"
    with platform(manifests, tmp_path / "home", "--kafka", broker.servers) as running:
        assert running.status()["topics_in"] == broker.servers
        running.publish(topic, "a", "b")
        running.publish(topic, "flaky", data={"fail_first": 1})
        running.publish(topic, "bad", data={"status": 422, "headers": {"Kne-Errorclass": "invalid"}})
        wait_for(lambda: running.status()["dead_letters"] == {f"{topic}-dlq": 1})
        assert manifests.ids() == ["a", "b", "flaky", "flaky", "bad"]
        wait_for(lambda: lag(running) == 0)
        listed = tool(running, "dlq", "--kafka", broker.servers, "--topic", topic, "list")
        assert "bad" in listed
        assert "invalid" in listed
        tool(running, "dlq", "--kafka", broker.servers, "replay", "bad")
        wait_for(lambda: manifests.ids().count("bad") == 2)


def test_a_killed_platform_continues_where_the_broker_knows_it(broker, manifests, tmp_path):
    topic = f"jobs-{tmp_path.name}"
    names = [f"k-{n}" for n in range(30)]
    with platform(manifests, tmp_path / "home", "--kafka", broker.servers) as running:
        running.publish(topic, "first")
        wait_for(lambda: manifests.ids() == ["first"])
        for name in names:
            running.publish(topic, name, key=name, data={"sleep": 0.05})
        wait_for(lambda: len(manifests.ids()) > 6)
        running.process.kill()
        running.process.wait()
    with platform(manifests, tmp_path / "home", "--kafka", broker.servers) as again:
        wait_for(lambda: set(names) <= set(manifests.ids()), seconds=40)
        wait_for(lambda: lag(again) == 0)
    assert manifests.ids().count("first") == 1


def test_a_triggers_reply_goes_to_the_topic(broker, manifests, tmp_path):
    events = f"events-{tmp_path.name}"
    manifests.broker(events)
    manifests.add(
        "trigger", TRIGGER.format(name="t", broker=events, service="web", filters="[{exact: {ask: 'yes'}}]")
    )
    reply = {"Ce-Specversion": "1.0", "Ce-Id": "answer", "Ce-Source": "/r", "Ce-Type": "r"}
    with platform(manifests, tmp_path / "home", "--kafka", broker.servers) as running:
        running.publish(events, "question", data={"status": 200, "headers": reply}, ask="yes")
        wait_for(lambda: "answer" in [record["event"]["id"] for record in running.records(events)])


def test_a_broker_that_goes_away_and_comes_back(broker, manifests, tmp_path):
    topic = f"jobs-{tmp_path.name}"
    with platform(manifests, tmp_path / "home", "--kafka", broker.servers) as running:
        running.publish(topic, "before")
        wait_for(lambda: manifests.ids() == ["before"])
        wait_for(lambda: lag(running) == 0)
        broker.kill()
        status, _, body = running.request(
            f"{running.url(1)}/records",
            method="POST",
            data=f'{{"records": [{{"topic": "{topic}", "value": ""}}]}}'.encode(),
        )
        assert status == 503, body
        broker.start()
        wait_for(lambda: running.status()["topics_error"] is None, seconds=60)

        def published():
            try:
                return running.publish(topic, "after")
            except AssertionError:
                return None

        wait_for(published, seconds=60)
        wait_for(lambda: "after" in manifests.ids(), seconds=60)


def test_no_broker_is_said_in_one_line(manifests, tmp_path):
    with (
        pytest.raises(AssertionError, match="--kafka"),
        platform(manifests, tmp_path / "home", "--kafka", "127.0.0.1:9"),
    ):
        pass
