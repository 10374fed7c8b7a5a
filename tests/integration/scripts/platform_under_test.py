"""Starts real local platforms on manifests of a test's own; used by the tests of this folder."""

import base64
import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from shared.testing.ports import reserve

_T = TypeVar("_T")
PROJECT = Path(__file__).resolve().parents[3]
PROBE = PROJECT / "tests/integration/scripts/functions/probe.py"

SERVICE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: {name}
  labels: {{{labels}}}
spec:
  template:
    metadata:
      annotations: {{autoscaling.knative.dev/window: "{window}", autoscaling.knative.dev/min-scale: "0"}}
    spec:
      containerConcurrency: {concurrency}
      timeoutSeconds: {timeout}
      containers:
        - image: none
          command: {command}
          env:
            - {{name: FUNCTION_TARGET, value: probe}}
            - {{name: FUNCTION_SOURCE, value: "{source}"}}
            - {{name: THREADS, value: "8"}}
            - {{name: PROBE_RECORD, value: "{record}"}}
            - {{name: KAFKA_BOOTSTRAP_SERVERS, value: "somewhere:9092"}}
          readinessProbe: {{httpGet: {{path: /health/readiness}}}}
"""
FRAMEWORK = "[python, -m, functions_framework]"
DELIVERY = """
  delivery:
    retry: 3
    backoffPolicy: exponential
    backoffDelay: PT0.05S
    timeout: PT3S
    deadLetterSink: {ref: {apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, name: %s}}
"""
SOURCE = """
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {{name: {name}}}
spec:
  bootstrapServers: [none]
  topics: [{topic}]
  consumerGroup: group-{name}
  initialOffset: earliest
  ordering: {ordering}
  sink: {{ref: {{apiVersion: serving.knative.dev/v1, kind: Service, name: {service}}}}}
"""
TOPIC = """
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {{name: {name}}}
spec: {{partitions: 3, replicas: 1}}
"""
KAFKA_SINK = """
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: {{name: {name}}}
spec: {{topic: {name}, bootstrapServers: [none], contentMode: binary, numPartitions: 3, replicationFactor: 1}}
"""
BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: {name}
  annotations: {{eventing.knative.dev/broker.class: Kafka, kafka.eventing.knative.dev/external.topic: {name}}}
spec: {{}}
"""
TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {{name: {name}, annotations: {{kafka.eventing.knative.dev/delivery.order: ordered}}}}
spec:
  broker: {broker}
  filters: {filters}
  subscriber: {{ref: {{apiVersion: serving.knative.dev/v1, kind: Service, name: {service}}}}}
"""
PING = """
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {{name: {name}}}
spec:
  schedule: "{schedule}"
  data: '{{"tick": true}}'
  sink: {{ref: {{apiVersion: serving.knative.dev/v1, kind: Service, name: {service}}}, uri: /tick}}
"""


@dataclass
class Manifests:
    """Writes the manifests of a test."""

    root: Path
    record: Path = field(init=False)

    def __post_init__(self) -> None:
        self.record = self.root / "record.jsonl"
        for folder in ("knative", "eventing"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def service(
        self,
        name: str,
        *,
        public: bool = True,
        window: str = "60s",
        concurrency: int = 8,
        timeout: int = 30,
        command: str = FRAMEWORK,
    ) -> None:
        labels = "" if public else "networking.knative.dev/visibility: cluster-local"
        text = SERVICE.format(
            name=name,
            labels=labels,
            window=window,
            concurrency=concurrency,
            timeout=timeout,
            command=command,
            source=PROBE,
            record=self.record,
        )
        (self.root / "knative" / f"{name}.yaml").write_text(text)

    def add(self, name: str, text: str) -> None:
        (self.root / "eventing" / f"{name}.yaml").write_text(text)

    def topic(self, name: str) -> None:
        self.add(f"topic-{name}", TOPIC.format(name=name))

    def sink(self, topic: str) -> None:
        self.topic(topic)
        self.add(f"sink-{topic}", KAFKA_SINK.format(name=topic))

    def broker(self, topic: str) -> None:
        self.topic(topic)
        self.add("broker", BROKER.format(name=topic))

    def source(
        self, name: str, topic: str, service: str, *, ordering: str = "ordered", dlq: bool = True
    ) -> None:
        text = SOURCE.format(name=name, topic=topic, service=service, ordering=ordering)
        self.add(f"source-{name}", text + (DELIVERY % f"{topic}-dlq" if dlq else ""))
        self.topic(topic)
        if dlq:
            self.sink(f"{topic}-dlq")

    def received(self) -> list[dict[str, Any]]:
        """What the functions have recorded, oldest first."""
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text().splitlines() if line]

    def ids(self) -> list[str]:
        return [item["headers"]["ce-id"] for item in self.received()]


@dataclass
class Running:
    """A platform process and its three URLs."""

    process: subprocess.Popen[str]
    port: int
    home: Path
    output: Path

    def url(self, n: int = 0) -> str:
        return f"http://127.0.0.1:{self.port + n}"

    def request(
        self,
        url: str,
        *,
        method: str = "GET",
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.request(f"{self.url(2)}/status.json")[2])
        return document

    def row(self, table: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.status()[table][name]
        return found

    def publish(
        self, topic: str, *ids: str, key: str | None = "u1", data: object = None, **extensions: str
    ) -> list[dict[str, Any]]:
        """CloudEvents into a topic, as the functions' adapter does it."""
        records = []
        for name in ids:
            headers = {
                "ce_specversion": "1.0",
                "ce_id": name,
                "ce_source": "/test",
                "ce_type": "test.v1",
                "content-type": "application/json",
                **{f"ce_{k}": v for k, v in extensions.items()},
            }
            if key is not None:
                headers["ce_partitionkey"] = key
            value = base64.b64encode(json.dumps(data if data is not None else {}).encode()).decode()
            records.append({"topic": topic, "key": key, "headers": headers, "value": value})
        status, _, body = self.request(
            f"{self.url(1)}/records", method="POST", data=json.dumps({"records": records}).encode()
        )
        assert status == 200, body
        results: list[dict[str, Any]] = json.loads(body)["results"]
        return results

    def records(self, topic: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for partition in range(3):
            _, _, body = self.request(f"{self.url(2)}/topics/{topic}?partition={partition}")
            found += json.loads(body)["records"]
        return found

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


def wait_for(what: Callable[[], _T], *, seconds: float = 20) -> _T:
    """The first true value of `what`."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"not within {seconds} s; last: {value!r}"
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def platform(manifests: Manifests, home: Path, *arguments: str, port: int | None = None) -> Iterator[Running]:
    """A running platform; killed at the end if the test has not stopped it."""
    port = port or reserve()
    output = home.parent / f"{home.name}.out"
    before = len(output.read_text()) if output.exists() else 0
    with output.open("a") as file:
        process = subprocess.Popen(
            [
                sys.executable,
                str(PROJECT / "scripts/run"),
                "--port",
                str(port),
                "--data",
                str(home),
                "--manifests",
                str(manifests.root),
                "--default-service",
                "web",
                *arguments,
            ],
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=home.parent,
        )
    running = Running(process, port, home, output)
    try:
        wait_for(lambda: process.poll() is not None or "ready in" in output.read_text()[before:], seconds=60)
        assert process.poll() is None, output.read_text()
        yield running
    finally:
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.stop()
            process.kill()
            process.wait()
