"""The pages as a whole: their links lead somewhere, their lines are short."""

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import PAGES, anchors, blocks, links, long_lines, page

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
