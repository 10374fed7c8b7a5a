"""The canonical layout of Terraform files, as its formatter leaves them: what a test can check without it."""

import re
from collections.abc import Iterator

ATTRIBUTE = re.compile(r'^(?P<indent> *)(?P<key>[\w"-]+)(?P<space> +)= (?P<value>.*)$')
_STRING = re.compile(r'"(?:\\.|\$\{[^}]*\}|[^"\\])*"')


def depth(line: str) -> int:
    """How many brackets the line opens and does not close."""
    bare = _STRING.sub('""', line.split(" # ", maxsplit=1)[0])
    return sum(bare.count(one) for one in "({[") - sum(bare.count(one) for one in ")}]")


def faults(text: str) -> Iterator[str]:
    """One line for every place that the formatter would change."""
    if not text.endswith("\n") or text.endswith("\n\n"):
        yield "the file ends with one line end"
    level, group = 0, []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line != line.rstrip() or "\t" in line:
            yield f"{number}: blanks at the end, or a tab"
        bare = line.strip()
        opened = depth(line)
        closes = bool(bare) and bare[0] in ")}]"
        if bare and len(line) - len(line.lstrip()) != 2 * (level - closes):
            yield f"{number}: indented by {len(line) - len(line.lstrip())}, not {2 * (level - closes)}"
        level += (opened > 0) - (opened < 0)
        match = ATTRIBUTE.match(line)
        if match and opened == 0 and not bare.startswith("#"):
            group.append((number, len(match["key"]), len(match["space"])))
            continue
        widest = max((key for _, key, _ in group), default=0)
        for place, key, space in group:
            if key + space != widest + 1:
                yield f"{place}: `=` stands not under the others"
        group = []
