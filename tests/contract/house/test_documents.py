"""Documents that point at something point at something that exists."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
DECISIONS = PROJECT / "docs/decisions"
PAGE = 80  # lines
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")
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


def test_every_decision_is_a_page_in_the_index():
    index = (DECISIONS / "README.md").read_text()
    decisions = sorted(DECISIONS.glob("[0-9]*.md"))
    numbers = [path.name[:4] for path in decisions]

    assert [path.name for path in decisions if f"({path.name})" not in index] == [], (
        "add it to docs/decisions/README.md"
    )
    assert len(set(numbers)) == len(numbers)
    assert [path.name for path in decisions if len(path.read_text().splitlines()) > PAGE] == []
