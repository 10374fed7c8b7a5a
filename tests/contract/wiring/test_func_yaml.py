"""Every func.yaml against the schema that func publishes, and what `scripts/func-deploy` gives to func."""

import json
import shutil
import stat
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from scripts import func_deploy
from scripts.func_deploy import Refused, checked
from tests.contract.manifests.schemas import source

PROJECT = Path(__file__).resolve().parents[3]
FILES = [PROJECT / "func.yaml", *sorted(PROJECT.glob("functions/*/func.yaml"))]
IMAGE = f"registry.test/taskflow@sha256:{'a1' * 32}"


class AsText(yaml.SafeLoader):
    """Times stay text, as they are in JSON."""


AsText.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path):
    return yaml.load(path.read_text(), AsText)


@pytest.fixture(scope="module")
def schema():
    """func's own, of the pinned version."""
    return json.loads((source("func") / "schema/func_yaml-schema.json").read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_it_keeps_to_the_schema(path, schema):
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(load(path))


@pytest.mark.parametrize(
    "bad",
    [
        {"deploy": {"options": {"scale": {"min": "0"}}}},
        {"deploy": {"timeoutSeconds": 60}},
        {"build": {"builder": "host"}},
        {"created": None},
    ],
)
def test_the_schema_refuses_what_func_does_not_know(bad, schema):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(schema).validate({**load(FILES[0]), **bad})


def test_every_function_has_one():
    services = {path.stem for path in PROJECT.glob("knative/*.yaml")}

    assert {path.parent.name for path in FILES[1:]} == services


@pytest.mark.parametrize(
    ("name", "image", "namespace", "said"),
    [
        ("nosuch", IMAGE, "todo-app", "no function 'nosuch'; there are: audit, "),
        ("../etc", IMAGE, "todo-app", "no function '../etc'"),
        ("tasks", "registry.test/taskflow:1.0", "todo-app", "needs a digest"),
        ("tasks", f"registry.test/taskflow@sha256:{'0' * 64}", "todo-app", "the placeholder"),
        ("tasks", f"{IMAGE} --remote", "todo-app", "needs a digest"),
        ("tasks", IMAGE, "Todo_App", "no DNS label"),
        ("tasks", IMAGE, "", "no DNS label"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused_in_one_line(name, image, namespace, said):
    with pytest.raises(Refused) as refused:
        checked(name, image, namespace)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


RECORDER = """#!{python}
import json, pathlib, sys
given = sys.argv[1:]
if given[0] == "deploy":
    path = pathlib.Path(given[given.index("--path") + 1], "func.yaml")
    pathlib.Path({log!r}).write_text(json.dumps([given, path.read_text()]))
    path.write_text("dirty")
    pathlib.Path(".gitignore").write_text("dirty")
    sys.exit({code})
if given[:2] == ["get", "namespace"]:
    sys.exit({namespace})
sys.stdout.write({service!r})
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """`programs(…)` puts a func and a kubectl on the PATH that record and answer; where func recorded."""

    def place(*names, code=0, namespace=0, service=""):
        log = tmp_path / "called.json"
        text = RECORDER.format(
            python=sys.executable, log=str(log), code=code, namespace=namespace, service=service
        )
        for name in names:
            program = tmp_path / name
            program.write_text(text)
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path))
        return log

    return place


def contents(paths):
    return {path: path.read_bytes() if path.exists() else None for path in paths}


def test_func_gets_a_copy_the_digest_and_no_build(programs, monkeypatch):
    monkeypatch.chdir(PROJECT)
    log = programs("func", "kubectl", code=3)
    watched = [*FILES, PROJECT / ".gitignore"]
    before = contents(watched)

    assert func_deploy.main(["audit", "--image", IMAGE]) == 3, "what func answers"
    given, text = json.loads(log.read_text())
    assert text == (PROJECT / "functions/audit/func.yaml").read_text()
    assert given[3:] == ["--image", IMAGE, "--namespace", "todo-app", "--build=false", "--push=false"]
    assert not Path(given[2]).exists()
    assert contents(watched) == before


def test_kn_with_its_plugin_will_do(programs):
    log = programs("kn", "kn-func", "kubectl")

    assert func_deploy.main(["audit", "--image", IMAGE]) == 0
    assert not log.exists(), "the first word is `func`, which the recorder does not know as `deploy`"


MADE_BY_FUNC = yaml.safe_dump({"metadata": {"labels": {"function.knative.dev/name": "audit"}}})
MADE_BY_HELM = yaml.safe_dump({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}})


@pytest.mark.parametrize(
    ("names", "answers", "said"),
    [
        (("kubectl",), {}, "no func on the PATH: install Knative func 1.23.1"),
        (("func",), {}, "no kubectl on the PATH"),
        (("func", "kubectl"), {"namespace": 1}, "no namespace todo-app"),
        (("func", "kubectl"), {"service": MADE_BY_HELM}, "was not made by func"),
    ],
)
def test_what_is_missing_is_said_before_func_is_started(programs, capsys, names, answers, said):
    log = programs(*names, **answers)

    assert func_deploy.main(["audit", "--image", IMAGE]) == 2
    assert said in capsys.readouterr().err
    assert not log.exists()


def test_what_func_has_made_it_may_make_again(programs):
    log = programs("func", "kubectl", service=MADE_BY_FUNC)

    assert func_deploy.main(["audit", "--image", IMAGE]) == 0
    assert log.exists()


def test_a_func_that_is_named_must_be_there(programs, capsys):
    programs("kubectl")

    assert func_deploy.main(["audit", "--image", IMAGE, "--func", "/no/func"]) == 2
    assert "/no/func is no program" in capsys.readouterr().err
    assert shutil.which("func") is None
