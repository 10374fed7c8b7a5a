"""Documents that point at something point at something that exists."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
DECISIONS = PROJECT / "docs/decisions"
PAGE = 80  # lines
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")
DOCUMENT = re.compile(r"\bdocs/[\w./-]*\w\.(?:md|json|yaml)")
COMMAND = re.compile(r"(?<![\w/.])scripts/([a-z][a-z-]*(?:\.sh)?)(?![\w/.])")


def documents() -> list[Path]:
    return sorted(p for p in [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])


def test_links_lead_somewhere():
    assert [
        f"{path.relative_to(PROJECT)}: {target}"
        for path in documents()
        for target in LINK.findall(path.read_text())
        if not (path.parent / target).exists()
    ] == []


def test_every_command_that_is_named_exists():
    assert [
        f"{path.relative_to(PROJECT)}: scripts/{name}"
        for path in documents()
        for name in sorted(set(COMMAND.findall(path.read_text())))
        if not (PROJECT / "scripts" / name).exists()
    ] == []


def test_every_document_that_code_and_manifests_name_exists():
    """What a log line, a message or a comment points to is there when somebody follows it."""
    sources = [p for top in ("functions", "shared", "scripts", "knative", "eventing") for p in _files(top)]
    missing = {
        f"{path.relative_to(PROJECT)}: {name}"
        for path in sources
        for name in DOCUMENT.findall(path.read_text())
        if not (PROJECT / name.rstrip(".")).exists()
    }
    assert missing == set()


def test_an_error_that_points_to_the_runbooks_names_one():
    vague = [
        f"{path.relative_to(PROJECT)}"
        for top in ("functions", "shared")
        for path in _files(top)
        if re.search(r"see docs/runbooks(?!/)", path.read_text())
    ]
    assert vague == []


def test_every_runbook_is_in_the_index_and_has_its_parts():
    runbooks = PROJECT / "docs/runbooks"
    index = (runbooks / "README.md").read_text()
    for path in sorted(runbooks.glob("[a-z]*.md")):
        text = path.read_text()
        assert f"({path.name})" in index
        for part in ("**In the logs:**", "## Meaning", "## Impact", "## Diagnosis", "## Mitigation"):
            assert part in text, f"{path.name} lacks {part}"


def _files(top: str) -> list[Path]:
    return [p for p in (PROJECT / top).rglob("*") if p.suffix in (".py", ".yaml", "") and p.is_file()]


def test_every_decision_is_a_page_in_the_index():
    index = (DECISIONS / "README.md").read_text()
    decisions = sorted(DECISIONS.glob("[0-9]*.md"))
    numbers = [path.name[:4] for path in decisions]

    titles = {
        path: path.read_text().splitlines()[0].removeprefix(f"# {path.name[:4]}: ") for path in decisions
    }

    assert [
        path.name for path in decisions if f"- [{path.name[:4]}]({path.name}) {titles[path]}\n" not in index
    ] == [], "docs/decisions/README.md says `- [NNNN](file) title`, the file `# NNNN: title`"
    assert len(set(numbers)) == len(numbers)
    assert [path.name for path in decisions if len(path.read_text().splitlines()) > PAGE] == []
