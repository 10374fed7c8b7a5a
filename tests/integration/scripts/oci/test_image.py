"""The image that `scripts/image` makes: valid, the same twice, and a function starts from it as in a pod.

Needs apt with the sources of Debian 12 and PyPI; starting needs root (mount namespaces).
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import tarfile
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from scripts.bootstrap import PROJECT
from scripts.oci import base, command, debian, layout, sbom, sizes, tree, wheels
from scripts.oci.errors import CannotBuild
from scripts.oci.layers import layer
from shared.testing.ports import reserve

PYTHON = str(yaml.safe_load((PROJECT / "versions.yaml").read_text())["python"])
DOWNLOADS = PROJECT / ".taskflow/image/downloads"
UID = 10001
# In mount and process namespaces of its own: the root read-only, /tmp writable, nothing gained by exec.
CONTAINED = """
mount --bind "$ROOT" "$ROOT" && mount -o remount,bind,ro "$ROOT" &&
mount -t tmpfs -o mode=1777 none "$ROOT/tmp" &&
mount -t proc none "$ROOT/proc" && mount --bind /dev "$ROOT/dev" &&
exec setpriv --no-new-privs /usr/sbin/chroot --userspec=$USERSPEC "$ROOT" /usr/local/bin/python "$@"
"""


def missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def wish():
    return tree.Wish("amd64", PYTHON, DOWNLOADS)


@pytest.fixture(scope="module")
def built(wish):
    try:
        return command.build(wish)
    except CannotBuild as reason:
        return missing(str(reason))


@pytest.fixture(scope="module")
def image(built):
    return layout.image(built.layers, architecture="amd64", labels=command.labels("abc"), sbom=built.sbom)


@pytest.fixture(scope="module")
def names(image):
    return ("registry.test/taskflow:1", f"registry.test/taskflow@{image.manifest['digest']}")


@pytest.fixture(scope="module")
def written(image, names, tmp_path_factory):
    directory = tmp_path_factory.mktemp("image") / "layout"
    layout.write(image, names, directory)
    layout.archive(image, names, directory.parent / "image.tar")
    return directory


@pytest.fixture(scope="module")
def root(written):
    """The file system, unpacked from the written layout."""
    target = written.parent / "root"
    manifest = blob(written, index(written)["manifests"][0])
    for described in manifest["layers"]:
        path = written / "blobs" / described["digest"].replace(":", "/")
        with tarfile.open(path) as archive:
            archive.extractall(target, filter="fully_trusted")
    return target


def index(directory):
    return json.loads((directory / "index.json").read_text())


def blob(directory, descriptor):
    return json.loads((directory / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes())


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptors(document):
    """Every descriptor in a document of the specification."""
    if isinstance(document, dict):
        if {"mediaType", "digest", "size"} <= document.keys():
            yield document
        for value in document.values():
            yield from descriptors(value)
    elif isinstance(document, list):
        for value in document:
            yield from descriptors(value)


def members(built):
    for each in built.layers:
        with tarfile.open(fileobj=io.BytesIO(each.data)) as archive:
            yield from archive


def test_every_descriptor_is_true_and_every_blob_is_described(written):
    assert json.loads((written / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    waiting, seen = list(descriptors(index(written))), set()
    while waiting:
        described = waiting.pop()
        data = (written / "blobs" / described["digest"].replace(":", "/")).read_bytes()
        assert (len(data), sha256(data)) == (described["size"], described["digest"])
        if described["digest"] not in seen and described["mediaType"].endswith("manifest.v1+json"):
            waiting += descriptors(json.loads(data))
        seen.add(described["digest"])
    assert {f"sha256:{path.name}" for path in (written / "blobs/sha256").iterdir()} == seen


def test_manifest_and_configuration_are_as_the_specification_says(written):
    first = index(written)["manifests"][0]
    manifest = blob(written, first)
    config = blob(written, manifest["config"])

    assert first["platform"] == {"architecture": "amd64", "os": "linux"}
    assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, first["mediaType"])
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert {x["mediaType"] for x in manifest["layers"]} == {"application/vnd.oci.image.layer.v1.tar+gzip"}
    assert (config["architecture"], config["os"], config["rootfs"]["type"]) == ("amd64", "linux", "layers")
    unpacked = [
        sha256(gzip.decompress((written / "blobs" / x["digest"].replace(":", "/")).read_bytes()))
        for x in manifest["layers"]
    ]
    assert config["rootfs"]["diff_ids"] == unpacked
    assert len(config["history"]) == len(unpacked)
    assert config["config"]["User"].split(":")[0].isdigit()
    assert int(config["config"]["User"].split(":")[0]) >= 10000
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == "abc"


def test_the_list_of_parts_refers_to_the_image(written):
    first, *_, last = index(written)["manifests"]
    referrer = blob(written, last)

    assert referrer["artifactType"] == last["artifactType"] == "application/vnd.cyclonedx+json"
    assert referrer["subject"]["digest"] == first["digest"]
    assert blob(written, referrer["layers"][0])["bomFormat"] == "CycloneDX"


def test_the_archive_holds_the_image_under_both_names_and_nothing_else(written, names):
    with tarfile.open(written.parent / "image.tar") as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive}
    entries = json.loads(files["index.json"])["manifests"]
    (legacy,) = json.loads(files["manifest.json"])

    assert [e["annotations"]["io.containerd.image.name"] for e in entries] == list(names)
    assert len({e["digest"] for e in entries}) == 1
    assert legacy["RepoTags"] == [names[0]]
    assert {*legacy["Layers"], legacy["Config"]} < files.keys()
    for path, data in files.items():
        if path.startswith("blobs/"):
            assert sha256(data) == path.removeprefix("blobs/").replace("/", ":")


def test_the_same_sources_and_packages_are_the_same_image(built, wish):
    again = command.build(tree.Wish(wish.architecture, wish.python, wish.downloads, offline=True))

    assert [(x.title, x.digest) for x in again.layers] == [(x.title, x.digest) for x in built.layers]
    assert again.sbom == built.sbom


def test_each_layer_holds_its_part_alone(built):
    places = {"dependencies": "opt", "application": "app"}
    for each in built.layers:
        with tarfile.open(fileobj=io.BytesIO(each.data)) as archive:
            tops = {name.split("/")[0] for name in archive.getnames()}
        assert tops == {places[each.title]} if each.title in places else not tops & set(places.values())
    assert built.layers[-1].unpacked < 5e6, "a change of the application is a small layer"


def test_files_are_roots_without_time_and_no_program_changes_its_user(built):
    for member in members(built):
        assert (member.uid, member.gid, member.mtime) == (0, 0, 0), member.name
        assert not member.mode & 0o6000, member.name
        if member.name != "tmp" and not member.issym():
            assert not member.mode & 0o022, member.name


def test_nothing_is_left_that_only_a_build_needs(built):
    names = {member.name for member in members(built)}
    pieces = {piece for name in names for piece in name.split("/")}

    assert not pieces & {"pip", "setuptools", "wheel", "ensurepip", "tests", "testing.cfg", "apt", "dpkg.cfg"}
    assert not [n for n in names if n.startswith(("app/shared/testing", "usr/sbin/"))]
    assert [n for n in names if n.startswith("usr/bin/")] == [f"usr/bin/python{PYTHON}"]


def test_every_module_is_compiled_and_never_checked_again(root):
    sources = [path for path in root.rglob("*.py") if "__pycache__" not in path.parts]
    tag = f"cpython-{PYTHON.replace('.', '')}"

    assert len(sources) > 2000
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        assert compiled.is_file(), source
        assert struct.unpack("<I", compiled.read_bytes()[4:8]) == (0b01,), "PEP 552: hash, unchecked"


def test_the_list_of_parts_is_what_was_installed(built):
    components = json.loads(built.sbom)["components"]
    locked = sbom.locked((PROJECT / "requirements.lock").read_text())
    python = {c["name"]: c for c in components if c["purl"].startswith("pkg:pypi/")}
    debians = {c["name"] for c in components if c["purl"].startswith("pkg:deb/debian/")}

    assert python.keys() <= locked.keys()
    assert {"flask", "psycopg-binary", "pydantic-core", "functions-framework"} <= python.keys()
    for name, component in python.items():
        version, permitted = locked[name]
        assert component["version"] == version
        assert component["hashes"][0]["content"] in permitted
    assert {"libc6", "libssl3", "ca-certificates", f"python{PYTHON}-minimal"} <= debians
    assert all(len(c["hashes"][0]["content"]) == 64 for c in components)


def test_it_is_small_and_one_that_is_not_is_refused_by_its_largest_parts(built):
    assert sum(built.sizes.values()) < sizes.LIMIT == 200e6
    parts = [name for name, _ in sizes.largest(built.sizes)]
    assert len(parts) == 5
    with pytest.raises(CannotBuild) as refused:
        command.within(built, 1_000_000)
    assert all(part in str(refused.value) for part in parts)


def test_arm64_has_every_package_and_every_wheel(built, tmp_path):
    wish = tree.Wish("arm64", PYTHON, DOWNLOADS)
    packages = debian.fetch(("libc6", f"python{PYTHON}-minimal"), architecture="arm64", into=tmp_path)
    wheels.download(tree.LOCK, architecture="arm64", python=PYTHON, into=DOWNLOADS / "wheels-arm64")
    wheels.install(
        tree.LOCK, DOWNLOADS / "wheels-arm64", architecture=wish.architecture, python=PYTHON, root=tmp_path
    )
    machine = {struct.unpack("<H", path.read_bytes()[18:20])[0] for path in tmp_path.rglob("*.so*")}

    assert {package.architecture for package in packages} == {"arm64"}
    assert machine == {183}, "EM_AARCH64"


def test_a_lock_without_the_right_hash_is_refused(tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"cronsim==2.8 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(CannotBuild, match=r"pip download failed: ERROR.*[Hh]ash"):
        wheels.download(lock, architecture="amd64", python=PYTHON, into=tmp_path / "wheels")


def test_a_package_that_no_source_has_is_named(tmp_path):
    with pytest.raises(CannotBuild, match="no-such-package-anywhere"):
        debian.fetch(("no-such-package-anywhere",), architecture="amd64", into=tmp_path)


def test_what_is_there_already_is_taken_again(built, wish):
    before = debian.present(architecture="amd64", into=wish.downloads)

    assert debian.fetch(base.packages(PYTHON), architecture="amd64", into=wish.downloads) == before
    assert {package.name for package in before} == set(base.packages(PYTHON))


def test_a_damaged_package_is_named(tmp_path):
    (folder := tmp_path / "packages-amd64").mkdir()
    (folder / "sha256sums").write_text(f"{'0' * 64}  libc6.deb\n")
    (folder / "libc6.deb").write_text("half of it")

    with pytest.raises(CannotBuild, match=r"libc6\.deb is absent or damaged"):
        debian.present(architecture="amd64", into=tmp_path)


def test_offline_without_an_earlier_run_says_what_to_do(tmp_path):
    with pytest.raises(CannotBuild, match="once without --offline"):
        debian.present(architecture="amd64", into=tmp_path)


def test_a_change_of_the_application_changes_its_layer_alone(built, wish, tmp_path, monkeypatch):
    changed = tmp_path / "project"
    for part in ("functions", "shared", "scripts"):
        shutil.copytree(PROJECT / part, changed / part)
    with (changed / "functions/audit/handler.py").open("a") as file:
        file.write("\n# changed\n")
    monkeypatch.setattr(tree, "PROJECT", changed)
    (made := tmp_path / "made").mkdir()
    tree.make_application(made, wish)

    assert layer("application", made).digest != built.layers[-1].digest


@pytest.fixture
def contained(root):
    """`contained(arguments, env)`: the image's python, as a pod would run it."""
    if os.geteuid() or not shutil.which("unshare"):
        missing("starting from the image needs root and unshare")
    running = []

    def start(arguments, **env):
        process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                CONTAINED,
                "sh",
                *arguments,
            ],
            env={
                **layout.ENVIRONMENT,
                "PATH": f"{layout.ENVIRONMENT['PATH']}:/usr/sbin:/sbin",
                "ROOT": str(root),
                "USERSPEC": f"{UID}:{UID}",
                **env,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def said(process):
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return output


LOOK = """
import importlib, json, os, pathlib, ssl, sys
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def writable(path):
    try:
        pathlib.Path(path, "probe").touch()
    except OSError:
        return False
    return True
library = pathlib.Path(json.__file__).parents[1]
modules = [p.name.split(".")[0] for p in (library / "lib-dynload").iterdir()]
for name in modules:
    importlib.import_module(name)
import psycopg, pydantic, alembic, kafka, functions_framework, cryptography.hazmat.bindings._rust
print(json.dumps({
    "uid": os.getuid(), "capabilities": status["CapEff"].strip(), "new": status["NoNewPrivs"].strip(),
    "authorities": len(ssl.create_default_context().get_ca_certs()),
    "writable": [p for p in ("/", "/app", "/opt/taskflow", "/etc", "/tmp", "/var") if writable(p)],
    "uncompiled": [n for n, m in list(sys.modules.items()) if type(m) is type(sys) and m.__spec__
                   and m.__spec__.cached and not os.path.exists(m.__spec__.cached)],
    "extensions": len(modules),
}))
"""


def test_a_process_in_it_has_no_rights_and_finds_what_it_needs(contained):
    seen = json.loads(said(contained(["-c", LOOK])).splitlines()[-1])

    assert (seen["uid"], int(seen["capabilities"], 16), seen["new"]) == (UID, 0, "1")
    assert seen["authorities"] > 100, "a TLS client finds the certificates"
    assert seen["writable"] == ["/tmp"]
    assert seen["uncompiled"] == []
    assert seen["extensions"] > 30


@pytest.mark.parametrize("command", ["migrate", "backup", "republish"])
def test_the_commands_of_the_jobs_are_in_it(contained, command):
    assert "usage" in said(contained([f"/app/scripts/{command}", "--help"]))


def test_a_function_starts_from_it_answers_and_ends(contained, postgres):
    port = reserve()
    process = contained(
        [
            "-c",
            "import os, runpy; os.chdir('/app'); runpy.run_module('shared.runtime.serve', {}, '__main__')",
        ],
        FUNCTION_SOURCE="functions/audit/main.py",
        FUNCTION_TARGET="audit",
        THREADS="4",
        DRAIN_SECONDS="0",
        HOST="127.0.0.1",
        PORT=str(port),
        DATABASE_URL=postgres["consumer"],
    )
    deadline = time.monotonic() + 60
    while not answers(f"http://127.0.0.1:{port}/health/liveness"):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (server,) = children(process.pid)
    os.kill(server, signal.SIGTERM)

    output = said(process)
    assert "stopped" in output
    assert "started without compiled bytecode" not in output


def children(pid):
    """`unshare --fork` waits for the namespace's first process, which the shell has become."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 204
    except OSError:
        return False
