"""docs/reports/cluster.md from the results: pure, so that a verdict cannot be nicer than its case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.cluster.e2e.results import Result


@dataclass(frozen=True)
class Facts:
    """What ran: `versions` by part; `real` took part, `replaced` did not and says by what."""

    began: str
    seconds: float
    commit: str
    machine: str
    versions: Mapping[str, str]
    real: Sequence[str]
    replaced: Sequence[str]


def render(facts: Facts, results: Sequence[Result]) -> str:
    """The whole document."""
    return "\n".join([*_head(facts, results), *_parts(facts), *_table(results), *_details(results)]) + "\n"


def failed(results: Sequence[Result]) -> bool:
    """Whether the command ends with 1: a case that was not run is no failure, and no success either."""
    return any(result.verdict == "FAIL" for result in results)


def _head(facts: Facts, results: Sequence[Result]) -> list[str]:
    count = {verdict: sum(r.verdict == verdict for r in results) for verdict in ("PASS", "FAIL", "NOT RUN")}
    return [
        "# TaskFlow on a real cluster",
        "",
        "Written by `scripts/e2e-cluster`; do not edit. NOT RUN is not PASS: the reason stands beside it.",
        "",
        f"- {count['PASS']} PASS, {count['FAIL']} FAIL, {count['NOT RUN']} NOT RUN",
        f"- {facts.began}, {facts.seconds / 60:.0f} min, commit {facts.commit}",
        f"- {facts.machine}",
        "",
    ]


def _parts(facts: Facts) -> list[str]:
    versions = [f"| {name} | {version} |" for name, version in facts.versions.items()]
    return [
        "## What took part",
        "",
        "| part | version |",
        "|---|---|",
        *versions,
        "",
        "Real: " + "; ".join(facts.real) + ".",
        "",
        *(["Replaced for this run:", ""] if facts.replaced else ["Nothing was replaced."]),
        *[f"- {line}" for line in facts.replaced],
        "",
    ]


def _table(results: Sequence[Result]) -> list[str]:
    rows = [
        f"| {result.case} | {result.verdict} | {result.seconds:.0f} s | {result.ran} | {_cell(result.why)} |"
        for result in results
    ]
    return ["## Cases", "", "| case | verdict | took | run | why |", "|---|---|---|---|---|", *rows, ""]


def _details(results: Sequence[Result]) -> list[str]:
    lines: list[str] = []
    for result in results:
        if not result.figures:
            continue
        lines += [f"### {result.case}", "", "| measured | value |", "|---|---|"]
        lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in result.figures.items()]
        lines.append("")
    return lines


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
