"""The local platform with real processes: HTTP, activation, delivery rules, crashes, stopping."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from shared.testing.ports import reserve
from tests.integration.scripts.platform_under_test import (
    PING,
    PROJECT,
    TRIGGER,
    Manifests,
    Running,
    platform,
    wait_for,
)

INVALID = {"status": 422, "body": "no", "headers": {"Kne-Errorclass": "invalid"}}


def lag(running):
    feeds = {**running.status()["sources"], **running.status()["triggers"]}
    return sum(feed["lag"] for feed in feeds.values())


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One platform for the tests that only look from outside."""
    root = tmp_path_factory.mktemp("shared")
    manifests = Manifests(root / "manifests")
    manifests.service("web")
    manifests.service("worker", public=False)
    manifests.service("narrow", concurrency=1, timeout=3)
    manifests.source("jobs", "jobs", "worker")
    manifests.broker("events")
    manifests.sink("events-dlq")
    trigger = TRIGGER.format(
        name="picked", broker="events", service="worker", filters='[{exact: {pick: "yes"}}]'
    )
    from tests.integration.scripts.platform_under_test import DELIVERY

    manifests.add("trigger", trigger + DELIVERY % "events-dlq")
    manifests.add("ping", PING.format(name="ping", schedule="0 0 1 1 *", service="worker"))
    with platform(manifests, root / "home") as running:
        yield running, manifests


def stream_lines(running: Running, path: str):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    connection.request("GET", path)
    return connection, connection.getresponse()


class TestGateway:
    def test_a_request_passes_unchanged_both_ways(self, shared):
        running, _ = shared
        body = bytes(range(256)) * 40
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        sent = {"X-Forwarded-For": "10.0.0.1", "TE": "gzip", "Connection": "X-Secret", "X-Secret": "1"}
        connection.request("PUT", "/a%20b/c?x=%2F&y=1", body, sent)
        response = connection.getresponse()
        seen = json.loads(response.read())
        connection.close()
        assert response.status == 200
        assert (seen["method"], seen["body"].encode("latin-1")) == ("PUT", body)
        assert seen["path"] == "/a b/c?x=%2F&y=1"
        assert seen["headers"]["X-Forwarded-For"] == "10.0.0.1, 127.0.0.1"
        assert seen["headers"]["X-Forwarded-Proto"] == "http"
        assert seen["headers"]["Host"] == f"127.0.0.1:{running.port}"
        assert not {"Te", "X-Secret"} & set(seen["headers"])
        assert response.getheader("transfer-encoding") is None

    def test_the_environment_is_the_manifests_and_nothing_of_the_developers(self, shared):
        running, _ = shared
        env = json.loads(running.request(f"{running.url()}/")[2])["env"]
        assert env["K_SERVICE"] == "web"
        assert env["KAFKA_BOOTSTRAP_SERVERS"] == running.url(1)
        assert "PYTEST_CURRENT_TEST" not in env

    def test_routes_by_host_and_shows_only_public_services(self, shared):
        running, _ = shared

        def to(host):
            status, _, body = running.request(f"{running.url()}/", headers={"Host": host})
            return status, json.loads(body).get("env", {}).get("K_SERVICE")

        assert to("narrow.todo-app.localhost") == (200, "narrow")
        assert to("anything.example") == (200, "web")
        assert to("worker.todo-app.localhost")[0] == 404
        assert to("nobody.todo-app.localhost")[0] == 404

    def test_chunked_bodies_pass(self, shared):
        running, _ = shared
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        connection.request(
            "POST", "/", iter([b"one", b"two"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        assert json.loads(connection.getresponse().read())["body"] == "onetwo"
        connection.close()

    def test_a_connection_serves_many_requests(self, shared):
        running, _ = shared
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        for _ in range(3):
            connection.request("GET", "/")
            assert connection.getresponse().read()
        local = connection.sock.getsockname()
        connection.request("GET", "/")
        connection.getresponse().read()
        assert connection.sock.getsockname() == local
        connection.close()

    def test_a_stream_arrives_piece_by_piece(self, shared):
        running, _ = shared
        connection, response = stream_lines(running, "/stream?pieces=2&pause=30")
        assert response.readline() == b"data: 0\n"  # 30 s before its end
        connection.close()

    def test_a_client_that_leaves_frees_the_slot(self, shared):
        running, _ = shared
        connection, response = stream_lines(running, "/stream?pieces=50&pause=0.2")
        response.readline()
        assert running.row("services", "web")["in_flight"] == 1
        connection.close()
        response.close()
        wait_for(lambda: running.row("services", "web")["in_flight"] == 0, seconds=5)

    def test_head_and_empty_answers(self, shared):
        running, _ = shared
        status, _, body = running.request(f"{running.url()}/health/readiness")
        assert (status, body) == (204, b"")
        status, _, body = running.request(f"{running.url()}/", method="HEAD")
        assert (status, body) == (200, b"")


class TestActivation:
    def test_containerconcurrency_queues_and_timeoutseconds_ends_in_504(self, shared):
        running, _ = shared
        host = {"Host": "narrow.todo-app.localhost"}
        running.request(f"{running.url()}/", headers=host)
        results: list[int] = []

        def call(seconds):
            results.append(running.request(f"{running.url()}/?sleep={seconds}", headers=host)[0])

        first = threading.Thread(target=call, args=(1,))
        first.start()
        wait_for(lambda: running.row("services", "narrow")["in_flight"] == 1)
        second = threading.Thread(target=call, args=(0,))
        second.start()
        wait_for(lambda: running.row("services", "narrow")["queued"] == 1)
        assert running.row("services", "narrow")["in_flight"] == 1
        first.join()
        second.join()
        assert results == [200, 200]
        status, headers, body = running.request(f"{running.url()}/?sleep=20", headers=host)
        assert (status, json.loads(body)["code"]) == (504, "timeout")
        assert headers["content-type"] == "application/problem+json"

    def test_a_process_that_dies_is_replaced_at_the_next_request(self, shared):
        running, _ = shared
        before = json.loads(running.request(f"{running.url()}/")[2])["pid"]
        os.killpg(running.row("services", "web")["pids"][0], signal.SIGKILL)
        wait_for(lambda: running.row("services", "web")["state"] == "zero")
        assert "ended by itself" in running.row("services", "web")["last_error"]
        after = json.loads(running.request(f"{running.url()}/")[2])["pid"]
        assert after != before

    def test_concurrent_first_requests_share_one_start(self, shared):
        running, _ = shared
        running.request(f"{running.url()}/")
        assert json.loads(running.request(f"{running.url(2)}/scale-to-zero/web", method="POST", data=b"")[2])[
            "stopped"
        ]
        assert running.row("services", "web")["state"] == "zero"
        starts = running.row("services", "web")["starts"]
        pids: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: pids.append(json.loads(running.request(f"{running.url()}/")[2])["pid"])
            )
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(pids)) == 1
        assert running.row("services", "web")["starts"] == starts + 1

    def test_to_zero_after_the_window_and_never_while_busy(self, tmp_path):
        manifests = Manifests(tmp_path / "manifests")
        manifests.service("web", window="6s")
        with platform(manifests, tmp_path / "home") as running:
            assert running.row("services", "web")["scale"] == 0
            connection, response = stream_lines(running, "/stream?pieces=8&pause=1")
            for _ in range(8):
                response.readline()
                response.readline()
            assert running.row("services", "web")["scale"] == 1
            connection.close()
            wait_for(lambda: running.row("services", "web")["scale"] == 0, seconds=15)

    def test_no_scale_to_zero_and_a_service_that_cannot_start(self, tmp_path):
        manifests = Manifests(tmp_path / "manifests")
        manifests.service("web", window="6s")
        manifests.service("broken", command="[python, -c, \"raise SystemExit('no database')\"]")
        with platform(manifests, tmp_path / "home", "--no-scale-to-zero") as running:
            running.request(f"{running.url()}/")
            host = {"Host": "broken.todo-app.localhost"}
            status, _, body = running.request(f"{running.url()}/", headers=host)
            problem = json.loads(body)
            assert (status, problem["code"]) == (503, "start_failed")
            assert "no database" in problem["detail"]
            assert "broken.log" in problem["detail"]
            time.sleep(7)
            assert running.row("services", "web")["scale"] == 1


class TestInnerListener:
    def test_services_by_host_and_by_path(self, shared):
        running, _ = shared
        by_host = running.request(
            f"{running.url(1)}/x", headers={"Host": "worker.todo-app.svc.cluster.local"}
        )
        by_path = running.request(f"{running.url(1)}/worker/x?y=1")
        assert json.loads(by_host[2])["env"]["K_SERVICE"] == "worker"
        assert json.loads(by_path[2])["path"] == "/x?y=1"
        assert running.request(f"{running.url(1)}/nobody/x")[0] == 404

    def test_broker_and_sink_ingress(self, shared):
        running, manifests = shared
        event = {
            "ce-specversion": "1.0",
            "ce-id": "in-1",
            "ce-source": "/t",
            "ce-type": "t",
            "ce-pick": "yes",
            "ce-partitionkey": "u9",
            "Content-Type": "application/json",
        }
        url = f"{running.url(1)}/broker/todo-app/events"
        assert running.request(url, method="POST", data=b"{}", headers=event)[0] == 202
        wait_for(lambda: "in-1" in manifests.ids())
        assert next(r["key"] for r in running.records("events") if r["event"]["id"] == "in-1") == "u9"
        assert running.request(url, method="POST", data=b"{}")[0] == 400
        assert running.request(url, method="POST", data=b"{}", headers={"ce-specversion": "1.0"})[0] == 400
        assert running.request(f"{running.url(1)}/broker/todo-app/other", method="POST", data=b"{}")[0] == 404
        sink = f"{running.url(1)}/sink/todo-app/events-dlq"
        assert running.request(sink, method="POST", data=b"{}", headers={**event, "ce-id": "in-2"})[0] == 202
        assert "in-2" in [record["event"]["id"] for record in running.records("events-dlq")]

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (
                b'{"records": [{"topic": "nobody", "key": null, "headers": {}, "value": ""}]}',
                404,
                "unknown_topic",
            ),
            (b"{", 400, "bad_records"),
            (b"[]", 400, "bad_records"),
            (b'{"records": [{"key": "a"}]}', 400, "bad_records"),
            (b'{"records": [{"topic": "jobs", "value": "***"}]}', 400, "bad_records"),
        ],
    )
    def test_records_that_are_refused(self, shared, body, status, code):
        running, _ = shared
        got, _, answer = running.request(f"{running.url(1)}/records", method="POST", data=body)
        assert (got, json.loads(answer)["code"]) == (status, code)

    @pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
    @pytest.mark.parametrize("listener", [1, 2])
    def test_web_pages_are_kept_out(self, shared, listener, headers):
        running, _ = shared
        assert (
            running.request(f"{running.url(listener)}/tick/ping", method="POST", data=b"", headers=headers)[0]
            == 403
        )

    def test_jwks_verifies_the_tokens_of_scripts_token(self, shared):
        import jwt

        running, _ = shared
        token = tool(running, "token", "alice").strip()
        keys = json.loads(running.request(f"{running.url(1)}/api/auth/jwks")[2])
        key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
        assert jwt.decode(token, key, algorithms=["EdDSA"], options={"verify_aud": False})["sub"] == "alice"


class TestDelivery:
    def test_an_event_arrives_as_the_data_plane_sends_it(self, shared):
        running, manifests = shared
        running.publish("jobs", "d-1", data={"a": 1}, subject="s 1")
        wait_for(lambda: "d-1" in manifests.ids())
        got = next(item for item in manifests.received() if item["headers"]["ce-id"] == "d-1")
        assert got["path"] == "/"
        assert json.loads(got["body"]) == {"a": 1}
        assert {"prefer": "reply", "kn-namespace": "todo-app", "ce-subject": "s%201"}.items() <= got[
            "headers"
        ].items()
        assert {"ce-knativekafkapartition", "ce-knativekafkaoffset"} <= set(got["headers"])

    def test_a_plain_record_is_wrapped(self, shared):
        running, manifests = shared
        body = {
            "records": [
                {"topic": "jobs", "key": "k7", "headers": {"content-type": "text/plain"}, "value": "e30="}
            ]
        }
        running.request(f"{running.url(1)}/records", method="POST", data=json.dumps(body).encode())
        wrapped = wait_for(
            lambda: [
                item["headers"]
                for item in manifests.received()
                if item["headers"]["ce-type"] == "dev.knative.kafka.event"
            ]
        )[0]
        assert wrapped["ce-key"] == "k7"
        assert wrapped["ce-id"].startswith("partition:")

    def test_transient_failures_are_retried_and_permanent_ones_are_not(self, shared):
        running, manifests = shared
        before = running.row("sources", "jobs")["counts"]
        running.publish("jobs", "d-flaky", data={"fail_first": 2})
        running.publish("jobs", "d-bad", data=INVALID)
        running.publish("jobs", "d-always", data={"status": 503, "body": "down"})
        wait_for(
            lambda: running.row("sources", "jobs")["counts"]["dead_lettered"] == before["dead_lettered"] + 2
        )
        ids = manifests.ids()
        assert [ids.count(name) for name in ("d-flaky", "d-bad", "d-always")] == [3, 1, 4]
        letters = {record["event"]["id"]: record["event"] for record in running.records("jobs-dlq")}
        assert letters["d-bad"]["errorclass"] == "invalid"
        assert letters["d-bad"]["knativeerrorcode"] == "422"
        assert letters["d-always"]["knativeerrordest"] == "http://worker.todo-app.svc.cluster.local/"
        assert letters["d-always"]["knativeerrordata"] == "ZG93bg=="

    def test_order_holds_within_a_key_while_one_event_fails(self, shared):
        running, manifests = shared
        names = [f"o-{n}" for n in range(6)]
        running.publish("jobs", names[0], data={"fail_first": 1}, key="ordered")
        running.publish("jobs", *names[1:], key="ordered")
        wait_for(lambda: names[-1] in manifests.ids())
        assert [name for name in manifests.ids() if name in names] == [names[0], *names]

    def test_a_timeout_counts_as_no_answer(self, shared):
        running, manifests = shared
        running.publish("jobs", "d-slow", data={"sleep": 3.5}, key="slow")
        wait_for(lambda: manifests.ids().count("d-slow") >= 2, seconds=30)
        assert "no answer within 3 s" in running.row("sources", "jobs")["last_error"]["message"]
        wait_for(lambda: lag(running) == 0, seconds=40)

    def test_a_trigger_filters_discards_and_takes_replies(self, shared):
        running, manifests = shared
        headers = {
            "Ce-Specversion": "1.0",
            "Ce-Id": "t-reply",
            "Ce-Source": "/r",
            "Ce-Type": "r",
            "Ce-Partitionkey": "r",
            "Content-Type": "application/json",
        }
        running.publish("events", "t-no")
        running.publish("events", "t-yes", pick="yes")
        running.publish("events", "t-ask", data={"status": 200, "body": "{}", "headers": headers}, pick="yes")
        running.publish("events", "t-ok", data={"status": 200, "body": "OK"}, pick="yes")
        plain = {"records": [{"topic": "events", "key": "u1", "headers": {}, "value": "e30="}]}
        running.request(f"{running.url(1)}/records", method="POST", data=json.dumps(plain).encode())
        wait_for(lambda: running.row("triggers", "picked")["counts"]["discarded"] == 1)
        wait_for(lambda: "t-reply" in [r["event"]["id"] for r in running.records("events") if r["event"]])
        ids = manifests.ids()
        assert ids.count("t-ok") == 1
        assert "t-no" not in ids
        letters = {record["event"]["id"]: record["event"] for record in running.records("events-dlq")}
        assert letters["t-ok"]["knativeerrorcode"] == "200"
        assert "knativekafkaoffset" not in letters["t-ok"]

    def test_a_tick_can_be_fired_by_hand(self, shared):
        running, manifests = shared
        status, _, body = running.request(f"{running.url(2)}/tick/ping", method="POST", data=b"")
        assert (status, json.loads(body)["status"]) == (200, 204)
        tick = manifests.received()[-1]
        assert (tick["path"], tick["headers"]["ce-type"]) == ("/tick", "dev.knative.sources.ping")
        assert tick["headers"]["ce-source"] == "/apis/v1/namespaces/todo-app/pingsources/ping"
        assert running.request(f"{running.url(2)}/tick/nobody", method="POST", data=b"")[0] == 404

    def test_ticks_fire_on_their_schedule(self, tmp_path):
        manifests = Manifests(tmp_path / "manifests")
        manifests.service("web")
        manifests.add("ping", PING.format(name="often", schedule="* * * * * *", service="web"))
        with platform(manifests, tmp_path / "home"):
            wait_for(lambda: len(manifests.received()) >= 3)
        assert len(set(manifests.ids())) == len(manifests.ids())

    def test_a_lost_event_is_reported_loudly(self, tmp_path):
        manifests = Manifests(tmp_path / "manifests")
        manifests.service("web")
        manifests.source("jobs", "jobs", "web", dlq=False)
        text = (manifests.root / "eventing/source-jobs.yaml").read_text()
        manifests.add("source-jobs", text + "\n  delivery: {retry: 0}\n")
        with platform(manifests, tmp_path / "home") as running:
            running.publish("jobs", "gone", "next", data={"status": 422})
            wait_for(lambda: running.status()["lost_events"] == 2)
            assert "LOST" in running.row("sources", "jobs")["last_error"]["message"]
            page = running.request(f"{running.url(2)}/")[2].decode()
            assert "2 event(s) LOST" in page
            assert "LOST" in running.output.read_text()

    def test_unordered_sources_deliver_side_by_side(self, tmp_path):
        manifests = Manifests(tmp_path / "manifests")
        manifests.service("web")
        manifests.source("jobs", "jobs", "web", ordering="unordered")
        with platform(manifests, tmp_path / "home") as running:
            running.publish("jobs", "slow", data={"sleep": 2})
            running.publish("jobs", "quick")
            wait_for(lambda: running.row("sources", "jobs")["counts"]["delivered"] == 1)
            assert lag(running) == 2  # the offset waits for the slow one before it
            wait_for(lambda: lag(running) == 0)


def tool(running: Running, name: str, *arguments: str, ok: bool = True, stdin: str = "") -> str:
    env = {**os.environ, "TASKFLOW_HOME": str(running.home), "TASKFLOW_URL": running.url()}
    done = subprocess.run(
        [sys.executable, str(PROJECT / "scripts" / name), *arguments],
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is ok, done.stderr + done.stdout
    return done.stdout if ok else done.stderr


class TestTools:
    def test_emit_reaches_broker_topic_and_service(self, shared):
        running, manifests = shared
        tool(
            running,
            "emit",
            "t.v1",
            "--data",
            "{}",
            "--id",
            "x-broker",
            "--user",
            "u1",
            "--extension",
            "pick=yes",
        )
        tool(
            running,
            "emit",
            "t.v1",
            "--data",
            "-",
            "--id",
            "x-topic",
            "--topic",
            "jobs",
            "--user",
            "u1",
            stdin="{}",
        )
        answer = tool(
            running, "emit", "t.v1", "--id", "x-direct", "--to", "worker", "--user", "u1", "--subject", "s"
        )
        assert answer.startswith("204 x-direct")
        wait_for(lambda: {"x-broker", "x-topic", "x-direct"} <= set(manifests.ids()))
        direct = next(
            item["headers"] for item in manifests.received() if item["headers"]["ce-id"] == "x-direct"
        )
        assert direct["authorization"].startswith("Bearer ")
        assert "--data is not JSON" in tool(running, "emit", "t.v1", "--data", "{", ok=False)

    def test_dlq_lists_shows_and_replays_with_the_same_id(self, shared):
        running, manifests = shared
        running.publish("jobs", "r-1", data={"status": 422}, subject="kept")
        wait_for(lambda: "r-1" in tool(running, "dlq", "list"))
        shown = json.loads(tool(running, "dlq", "show", "r-1"))
        assert shown["original_topic"] == "jobs"
        assert "would replay" in tool(running, "dlq", "replay", "--dry-run", "r-1")
        count = manifests.ids().count("r-1")
        assert "replayed r-1 to jobs" in tool(running, "dlq", "replay", "r-1")
        wait_for(lambda: manifests.ids().count("r-1") == count + 1)
        again = [item["headers"] for item in manifests.received() if item["headers"]["ce-id"] == "r-1"][-1]
        assert again["ce-subject"] == "kept"
        assert not [name for name in again if name.startswith("ce-knativeerror")]
        assert "no dead letter" in tool(running, "dlq", "show", "nobody", ok=False)

    def test_tools_say_when_nothing_runs(self, shared, tmp_path):
        nobody = Running(shared[0].process, 1, tmp_path, tmp_path)
        assert "start scripts/run" in tool(nobody, "dlq", "list", ok=False)


class TestLife:
    @pytest.fixture
    def manifests(self, tmp_path):
        made = Manifests(tmp_path / "manifests")
        made.service("web")
        made.service("worker", public=False)
        made.source("jobs", "jobs", "worker")
        return made

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_no_process_is_left_behind(self, manifests, tmp_path, number):
        with platform(manifests, tmp_path / "home") as running:
            running.request(f"{running.url()}/")
            running.publish("jobs", "busy", data={"sleep": 1})
            wait_for(lambda: running.row("services", "worker")["scale"] == 1)
            children = psutil.Process(running.process.pid).children(recursive=True)
            assert len(children) >= 2
            assert running.stop(number) == 0
            wait_for(lambda: not [child for child in children if child.is_running()], seconds=5)

    def test_kill_9_loses_nothing_and_leaves_nobody(self, manifests, tmp_path):
        with platform(manifests, tmp_path / "home") as running:
            names = [f"k-{n}" for n in range(40)]
            for name in names:
                running.publish("jobs", name, key=name, data={"sleep": 0.05})
            children = psutil.Process(running.process.pid).children(recursive=True)
            running.process.kill()
            running.process.wait()
            assert len(set(manifests.ids())) < len(names)
            wait_for(lambda: not [child for child in children if child.is_running()], seconds=5)
        with platform(manifests, tmp_path / "home", port=running.port) as again:
            wait_for(lambda: set(names) <= set(manifests.ids()), seconds=30)
            wait_for(lambda: lag(again) == 0)
        assert len(manifests.ids()) <= len(names) + 3  # at most what was in flight, one per partition

    def test_state_survives_a_restart_and_reset_wipes_it(self, manifests, tmp_path):
        with platform(manifests, tmp_path / "home") as running:
            running.publish("jobs", "s-1", data={"status": 422})
            wait_for(lambda: running.status()["dead_letters"] == {"jobs-dlq": 1})
            keys = running.request(f"{running.url(1)}/api/auth/jwks")[2]
        with platform(manifests, tmp_path / "home") as running:
            assert running.status()["dead_letters"] == {"jobs-dlq": 1}
            assert running.request(f"{running.url(1)}/api/auth/jwks")[2] == keys
            assert manifests.ids() == ["s-1"]
        with platform(manifests, tmp_path / "home", "--reset") as running:
            assert running.status()["dead_letters"] == {"jobs-dlq": 0}

    def test_two_platforms_side_by_side_and_one_home_twice(self, manifests, tmp_path):
        with platform(manifests, tmp_path / "a") as one, platform(manifests, tmp_path / "b") as two:
            assert one.request(f"{one.url()}/")[0] == two.request(f"{two.url()}/")[0] == 200
            assert "--data" in failed(manifests, tmp_path / "a", two.port + 100)
            message = failed(manifests, tmp_path / "c", one.port)
            assert "--port" in message
            assert len(message.splitlines()) == 1

    def test_a_manifest_that_cannot_be_run_stops_the_start(self, manifests, tmp_path):
        path = manifests.root / "knative/web.yaml"
        path.write_text(
            path.read_text().replace("containerConcurrency: 8", "containerConcurrency: 8\n      hostname: x")
        )
        message = failed(manifests, tmp_path / "home", 1)
        assert "knative/web.yaml: spec.template.spec.hostname" in message

    def test_a_secret_that_nobody_knows_stops_the_start(self, manifests, tmp_path):
        path = manifests.root / "knative/web.yaml"
        path.write_text(
            path.read_text().replace(
                "          env:\n",
                "          env:\n            - {name: S, valueFrom: {secretKeyRef: {name: mine, key: k}}}\n",
            )
        )
        assert "secrets/mine/k" in failed(manifests, tmp_path / "home", 1)
        (tmp_path / "home/secrets/mine").mkdir()
        (tmp_path / "home/secrets/mine/k").write_text("hush\n")
        with platform(manifests, tmp_path / "home") as running:
            assert json.loads(running.request(f"{running.url()}/")[2])["env"]["S"] == "hush"


def failed(manifests: Manifests, home: Path, port: int) -> str:
    command = [
        sys.executable,
        str(PROJECT / "scripts/run"),
        "--port",
        str(reserve() if port == 1 else port),
        "--data",
        str(home),
        "--manifests",
        str(manifests.root),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1, done.stdout
    return done.stderr.strip()
