"""The pages as a whole: their links lead somewhere, their lines are short."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import PAGES, anchors, blocks, links, long_lines, page, sections

APP = ROOT / "app"
_FILE = re.compile(r"`([\w./-]+(?:\.(?:py|js|toml|md|service)|/))`")
_ROW = re.compile(r"^\| (.+) \| (.+) \|$", re.MULTILINE)
LONGEST_README = 120
LONGEST_LINE = 120
each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


@each_page
def test_links_lead_to_files_and_headings(path: Path) -> None:
    for link in links(path):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists() and target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_lines_of_prose_are_short(path: Path) -> None:
    assert long_lines(path, LONGEST_LINE) == []


@each_page
def test_every_block_names_its_language(path: Path) -> None:
    assert [each.line for each in blocks(path.read_text()) if not each.language] == []


@each_page
def test_every_page_is_reached_from_the_readme(path: Path) -> None:
    reached = {(ROOT / each.partition("#")[0]).resolve() for each in links(ROOT / "README.md")}
    assert path in {ROOT / "README.md", *reached}


def test_the_readme_is_short() -> None:
    assert len(page("README.md").splitlines()) <= LONGEST_README


def test_the_map_names_files_that_exist() -> None:
    named, missing = 0, []
    for subject, places in _ROW.findall(sections((APP / "README.md").read_text())["Map"]):
        folder = APP
        for name in _FILE.findall(places):
            bases = (APP, ROOT) if "/" in name else (folder,)
            # VIEW stands for the name of a page of the console.
            found = [base / name for base in bases if "VIEW" in name or (base / name).exists()]
            named += 1
            if found:
                folder = found[0] if name.endswith("/") else found[0].parent
            else:
                missing.append((name, subject))
    assert missing == []
    assert named > 100
