"""Reads the pages: their code blocks, tables and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(
    r"(?:^<!-- (?P<remark>[^\n]*) -->\n)?^```(?P<language>[a-z]*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `remark` is the HTML comment on the line before, `answer` the next block.

    A `json` or `text` block that follows an `sh` block directly shows what it prints.
    """

    line: int
    language: str
    text: str
    remark: str
    answer: "Block | None" = None


def page(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(text: str) -> list[Block]:
    found: list[Block] = []
    end = len(text)
    for match in reversed(list(_FENCE.finditer(text))):
        after = text[match.end() : end].strip()
        follows = found[0] if found and not after else None
        shown = follows if follows and follows.language in ("json", "text") else None
        line = text.count("\n", 0, match.start()) + 1
        found.insert(0, Block(line, match["language"], match["text"], match["remark"] or "", shown))
        end = match.start()
    return found


def sections(text: str, level: int = 2) -> dict[str, str]:
    """Return the text under each heading of a level, by the heading without backticks."""
    parts = re.split(rf"^#{{{level}}} (.*)$", text, flags=re.MULTILINE)
    names = (each.replace("`", "") for each in parts[1::2])
    return dict(zip(names, parts[2::2], strict=True))


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables in a text, without their headings."""
    for line in re.findall(r"^\|.*\|$", text, re.MULTILINE):
        cells = [each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not set(line) <= set("|-: ") and cells[0].startswith("`"):
            yield cells


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _prose(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def links(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", _prose(path.read_text()))


def long_lines(path: Path, longest: int) -> list[str]:
    lines = _prose(path.read_text()).splitlines()
    return [each for each in lines if len(each) > longest and not each.startswith("|")]


def _prose(text: str) -> str:
    return _FENCE.sub("", text)
