"""The Dockerfile says what scripts/image does, and pins what versions.yaml pins."""

import re
import shlex

import pytest
import yaml

from scripts.bootstrap import PROJECT
from scripts.oci import application, command, layout, tree

VERSIONS = yaml.safe_load((PROJECT / "versions.yaml").read_text())


def instructions(text):
    """(instruction, rest) with continuation lines joined, without comments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def stages():
    """Name → instructions, in order."""
    found = {}
    for word, rest in instructions((PROJECT / "Dockerfile").read_text()):
        if word == "FROM":
            name = rest.rpartition(" AS ")[2]
            found[name] = []
        found.setdefault("", []) if not found else found[name].append((word, rest))
    return found


def of(stage, word):
    return [rest for found, rest in stage if found == word]


def sources(words):
    return {path for rest in words if not rest.startswith("python") for path in rest.split()[:-1]}


def test_every_base_is_the_digest_of_versions_yaml(stages):
    bases = [
        rest.partition(" AS ")[0].removeprefix("--platform=$BUILDPLATFORM ")
        for stage in stages.values()
        for rest in of(stage, "FROM")
    ]

    assert list(stages) == ["build", "platform", "function"], "the last one is what `docker build .` makes"
    assert bases == [VERSIONS["images"]["python"], VERSIONS["images"]["python"], "scratch"]
    assert re.fullmatch(rf"python:{VERSIONS['python']}-slim-bookworm@sha256:[0-9a-f]{{64}}", bases[0])


def test_the_image_has_the_configuration_of_scripts_image(stages):
    last = stages["function"]
    given = dict(pair.split("=", 1) for text in of(last, "ENV") for pair in shlex.split(text))
    made = layout.image([], architecture="amd64", labels={}, sbom=b"")
    config = yaml.safe_load(made.blobs[made.document["config"]["digest"]])["config"]

    assert given == layout.ENVIRONMENT
    assert of(last, "USER") == [config["User"]]
    assert of(last, "WORKDIR") == [config["WorkingDir"]]
    assert of(last, "EXPOSE") == [port.removesuffix("/tcp") for port in config["ExposedPorts"]]
    assert of(last, "STOPSIGNAL") == [config["StopSignal"]]
    assert [yaml.safe_load(text) for text in of(last, "CMD")] == [config["Cmd"]]
    assert int(config["User"].split(":")[0]) >= 10000


def test_the_image_says_the_same_of_itself(stages):
    (text,) = of(stages["function"], "LABEL")
    said = dict(pair.split("=", 1) for pair in shlex.split(text))

    assert said == command.labels("$REVISION")


def test_each_part_is_made_by_the_same_code_and_copied_from_the_bottom_up(stages):
    runs = [shlex.split(text) for text in of(stages["build"], "RUN")]
    copies = of(stages["function"], "COPY")

    assert [run[:3] for run in runs] == [["python", "-m", "scripts.oci.tree"]] * 3
    assert [run[3:] for run in runs] == [
        [part, f"/image/{part}", "--architecture", "$TARGETARCH"] for part in tree.PARTS
    ]
    assert copies == [f"--from=build /image/{part}/ /" for part in tree.PARTS]


def test_a_change_of_the_application_repeats_nothing_else(stages):
    words = [rest for word, rest in stages["build"] if word in {"RUN", "COPY"}]
    wheels = next(i for i, rest in enumerate(words) if "tree dependencies" in rest)
    before, after = sources(words[:wheels]), sources(words[wheels + 1 :])

    assert before == {"scripts/__init__.py", "scripts/oci", "requirements.lock"}
    assert after == set(application.PARTS) - before


def test_what_is_copied_is_sent_to_the_builder(stages):
    rules = [
        line.strip()
        for line in (PROJECT / ".dockerignore").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    sent = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    words = [text for stage in ("build", "platform") for text in of(stages[stage], "COPY")]
    copied = sources(words) - {"."}

    assert rules[0] == "*"
    assert "**/__pycache__" in rules
    assert {source.split("/")[0] for source in copied} <= sent
    assert all((PROJECT / path).exists() for path in sent)
    assert not {".git", ".env", ".taskflow", "tests"} & sent


@pytest.mark.parametrize(
    "bad", [["base"], ["top", "/somewhere"], ["base", "/x", "--architecture", "s390x", "--bad"]]
)
def test_the_builders_command_refuses_what_it_does_not_know(bad):
    with pytest.raises(SystemExit):
        tree.main(bad)
