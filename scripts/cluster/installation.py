"""The phases of one installation. The chart itself makes topics before it makes what reads them."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from scripts.cluster import images, kubectl, objects, operators, parts, release, secrets
from scripts.cluster.api import Door
from scripts.cluster.gateway import door
from scripts.cluster.images import Image
from scripts.cluster.options import Options
from scripts.cluster.phases import Phase
from scripts.cluster.pods import Object
from scripts.cluster.smoke import smoke, user
from scripts.local.issuer import Issuer
from scripts.oci.tree import Wish


class Installation:
    """What the phases share: the images that were built and the parts that the cluster has."""

    def __init__(self, options: Options, versions: Mapping[str, str], project: Path) -> None:
        self._options, self._versions, self._project = options, versions, project
        self._images: tuple[Image, Image] | None = None
        self._kafka = release.kafka_address(options)

    def phases(self) -> list[Phase]:
        """In any order that `after` allows."""
        bring = [] if self._options.cluster == "current" else self._operators()
        ready = tuple(phase.name for phase in bring)
        return [
            *bring,
            Phase("images", self._build),
            Phase("secrets", self._secrets),
            Phase("database", self._database, ("images", "secrets")),
            Phase("issuer", self._issuer, ("images", "secrets")),
            Phase("schema", self._schema, ("database",)),
            Phase("release", self._release, ("schema", "issuer", *ready)),
            Phase("events", self._events, ("release",)),
            Phase("smoke test", self._smoke, ("events",)),
        ]

    def welcome(self) -> list[str]:
        """How to use what was installed."""
        way = self._door("ada")
        header = 'H="Authorization: Bearer $(scripts/cluster-token ada)"'
        return [
            f"gateway {way.gateway}, host {way.host}",
            f"try     {header}; curl -H 'Host: {way.host}' -H \"$H\" {way.gateway}/v1/tasks",
        ]

    def _operators(self) -> list[Phase]:
        found = [
            Phase("serving", lambda: operators.serving(self._versions)),
            Phase("eventing", lambda: operators.eventing(self._versions)),
            Phase("data plane", lambda: operators.data_plane(self._versions), ("eventing",)),
            Phase("strimzi", self._strimzi),
        ]
        if self._options.profile == "full":
            found.append(Phase("certificates", lambda: operators.cert_manager(self._versions)))
        return found

    def _strimzi(self) -> Sequence[str]:
        """The operator watches our namespace, so that comes first."""
        return [*kubectl.apply([objects.namespace()]), *operators.strimzi(self._versions)]

    @property
    def _function(self) -> Image:
        assert self._images is not None, "phase images is before every phase that asks"
        return self._images[0]

    @property
    def _local(self) -> Image:
        assert self._images is not None, "phase images is before every phase that asks"
        return self._images[1]

    def _build(self) -> Sequence[str]:
        work = self._project / ".taskflow/image"
        downloads = (work / "downloads").absolute()
        wish = Wish(_architecture(), self._versions["python"], downloads, self._options.offline)
        self._images = images.build(wish, work / "cluster")
        there = images.loaded()
        missing = [image for image in self._images if image.reference not in there]
        for image in missing:
            images.load(self._options, image)
        return [f"image {image.repository}" for image in missing]

    def _secrets(self) -> Sequence[str]:
        changed = kubectl.apply([objects.namespace()])
        existing = kubectl.names("secrets")
        new = secrets.missing(existing, host=objects.DATABASE_HOST)
        return [*changed, *kubectl.apply([objects.secret(name, data) for name, data in new.items()])]

    def _database(self) -> Sequence[str]:
        persistent = parts.STORAGE in parts.present()
        changed = kubectl.apply(
            [*objects.network(), *objects.database(self._local.reference, persistent=persistent)]
        )
        kubectl.wait(f"deployment {objects.DATABASE}", "condition=Available")
        return changed

    def _issuer(self) -> Sequence[str]:
        jwks = self._issuer_key().jwks
        changed = kubectl.apply(objects.issuer(self._function.reference, jwks))
        kubectl.wait(f"deployment {objects.ISSUER}", "condition=Available")
        return changed

    def _issuer_key(self) -> Issuer:
        return secrets.issuer_of(kubectl.secret_value(secrets.AUTH, "issuer-key"))

    def _schema(self) -> Sequence[str]:
        return self._job(objects.roles_job(self._local.reference))

    def _job(self, job: Object) -> Sequence[str]:
        name = job["metadata"]["name"]
        if name in kubectl.names("jobs"):
            changed: list[str] = []
        else:
            changed = kubectl.apply([job])
        kubectl.wait(f"job {name}", "condition=Complete", seconds=240)
        return changed

    def _release(self) -> Sequence[str]:
        wanted = release.values(self._options, self._function, parts.present())
        if release.deployed(wanted):
            return []
        with tempfile.TemporaryDirectory() as scratch:
            release.install(release.write(wanted, Path(scratch)))
        release.remember(wanted)
        return ["release todo-chatbot"]

    def _events(self) -> Sequence[str]:
        """The stand-in where the data plane is missing; then everything that can be ready is."""
        changed: Sequence[str] = ()
        if parts.needs_stand_in(parts.present()):
            read = objects.manifests(self._project)
            pods = objects.stand_in(self._local.reference, self._kafka, self._project)
            changed = kubectl.apply([*read, *pods])
            kubectl.wait(f"deployment {objects.STAND_IN}", "condition=Available")
        for kind in self._kinds():
            kubectl.wait(f"{kind} --all", "condition=Ready")
        return changed

    def _kinds(self) -> list[str]:
        """Every kind of object that says whether it is ready, as far as the release has any."""
        documents = [
            yaml.safe_load(path.read_text()) for path in sorted((self._project / "eventing").glob("*.yaml"))
        ]
        names = {"KafkaSource": "kafkasources", "KafkaSink": "kafkasinks", "Trigger": "triggers"}
        stands_in = parts.needs_stand_in(parts.present())
        wired = {names[doc["kind"]] for doc in documents if doc["kind"] in names and not stands_in}
        return ["services.serving.knative.dev", "pingsources.sources.knative.dev", *sorted(wired)]

    def _smoke(self) -> Sequence[str]:
        done = smoke(self._door(user()), clock=time.monotonic)
        print(
            f"       created in {done.created:.1f} s, completed in {done.completed:.1f} s, "
            f"next occurrence after {done.following:.1f} s",
            flush=True,
        )
        return []

    def _door(self, name: str) -> Door:
        return door(self._options, "tasks", self._issuer_key().token(name))


def _architecture() -> str:
    """Of the cluster's nodes: images are built for them, wherever they are built."""
    found = {node["status"]["nodeInfo"]["architecture"] for node in kubectl.items("nodes")}
    if len(found) != 1:
        raise kubectl.CommandFailed(f"nodes of {len(found)} architectures: use a cluster with one")
    return str(found.pop())
