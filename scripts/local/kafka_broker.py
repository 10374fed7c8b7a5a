"""One real Apache Kafka broker on loopback, for tests and for `scripts/run --kafka`.

Jars come from Maven into a cache (46 MB, once per version); the broker runs in KRaft combined mode,
ready in 5 to 7 s. Needs Java 17 and Maven, no container and no root.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from scripts.local.state import PROJECT

READY_SECONDS = 60.0
_CLUSTER = "dGFza2Zsb3cta2Fma2EtMQ"  # any 16 bytes in URL-safe Base64
_JVM = (
    *("-Xms32m", "-Xmx256m", "-XX:MaxDirectMemorySize=64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *("-Xshare:auto", "-XX:-UsePerfData", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""
_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/data
auto.create.topics.enable=false
num.partitions=3
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=1
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.dedupe.buffer.size=2097152
log.segment.bytes=67108864
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""
# A broker that asks who is there; it asks itself, too.
_SECURED = """listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms={mechanism}
sasl.mechanism.inter.broker.protocol={mechanism}
listener.name.plaintext.{lower}.sasl.jaas.config={module} required username="{user}" password="{password}";
"""


class BrokerFailed(Exception):
    """The jars or the broker could not be had; the message carries the end of the log."""


def version() -> str:
    """The Kafka version that everything pins."""
    return str(yaml.safe_load((PROJECT / "versions.yaml").read_text())["kafka"])


def unavailable() -> str | None:
    """Why no broker can run here, None if one can."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return f"a real Kafka needs {' and '.join(missing)} on the PATH (Java 17, Maven 3.8)" if missing else None


@dataclass(frozen=True)
class Login:
    """The one user that a broker knows, by SCRAM."""

    user: str
    password: str
    mechanism: str = "SCRAM-SHA-512"

    @property
    def properties(self) -> str:
        return _SECURED.format(
            module="org.apache.kafka.common.security.scram.ScramLoginModule",
            mechanism=self.mechanism,
            lower=self.mechanism.lower(),
            user=self.user,
            password=self.password,
        )

    @property
    def stored(self) -> str:
        """What the storage tool puts into the first record."""
        return f"{self.mechanism}=[name={self.user},password={self.password}]"


class Broker:
    """A broker whose data lies in `directory`; start and stop as often as you like."""

    def __init__(self, directory: Path, port: int, login: Login | None = None) -> None:
        self._directory, self._port, self._login = directory, port, login
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> str:
        """Returns HOST:PORT when it is ready."""
        jars = _jars()
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / "server.properties"
        config.write_text(
            _PROPERTIES.format(port=self._port, controller=self._port + 1, directory=self._directory)
        )
        arguments = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(config)]
        if self._login is not None:
            config.write_text(config.read_text() + self._login.properties)
            arguments += ["--add-scram", self._login.stored]
        if not (self._directory / "data/meta.properties").exists():
            self._java(jars, *arguments).wait()
        self._process = self._java(jars, "kafka.Kafka", str(config))
        deadline = time.monotonic() + READY_SECONDS
        while "Kafka Server started" not in self._log():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BrokerFailed(f"Kafka on port {self._port} did not start:\n{self._log()[-3000:]}")
            time.sleep(0.05)
        return self.servers

    def stop(self) -> None:
        """SIGTERM, after 15 s SIGKILL."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
            self.kill()

    def signal(self, number: int) -> None:
        """Send a signal to the running broker. With SIGSTOP it answers nothing, but its connections
        stay open.
        """
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _java(self, jars: Path, *arguments: str) -> "subprocess.Popen[bytes]":
        log = self._directory / "broker.log"
        with log.open("wb") as output:
            return subprocess.Popen(
                ("java", *_JVM, "-cp", f"{jars}/*", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "LC_ALL": "C"},
                start_new_session=True,
            )

    def _log(self) -> str:
        return (self._directory / "broker.log").read_text(errors="replace")


@contextlib.contextmanager
def running_broker(directory: Path, port: int, login: Login | None = None) -> Iterator[Broker]:
    """A started broker, stopped at the end."""
    broker = Broker(directory, port, login)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def _jars() -> Path:
    """The directory of the jars, fetched if need be."""
    cache = Path(os.environ.get("TASKFLOW_KAFKA_HOME") or Path.home() / ".cache/taskflow-kafka")
    jars = cache / f"libs-{version()}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (jars / ".complete").exists():
            _fetch(cache, jars)
    return jars


def _fetch(cache: Path, jars: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch.") as draft:
        pom, libs = Path(draft) / "pom.xml", Path(draft) / "libs"
        pom.write_text(_POM.format(version=version()))
        command = ("mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies")
        done = subprocess.run(
            (*command, "-DincludeScope=runtime", f"-DoutputDirectory={libs}"),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise BrokerFailed(
                f"Maven could not fetch Kafka {version()}:\n{done.stdout[-2000:]}{done.stderr[-1000:]}"
            )
        (libs / ".complete").touch()
        shutil.rmtree(jars, ignore_errors=True)
        libs.rename(jars)


def main() -> int:
    """`python -m scripts.local.kafka_broker [PORT]`: runs in the foreground until Ctrl-C."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 19092
    with running_broker(PROJECT / ".taskflow-kafka" / str(port), port) as broker:
        print(f"Kafka {version()} on {broker.servers}; scripts/run --kafka {broker.servers}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
