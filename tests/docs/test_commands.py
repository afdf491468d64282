"""`docs/commands.md` lists every command and option of `contacts`."""

import re
from collections.abc import Iterator

import click
import pytest

from app.cli.commands import cli
from tests.docs.pages import page, rows, sections


def commands(group: click.Group, path: str = "contacts") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands(cli))
SECTIONS = sections(page("docs/commands.md"))


def test_has_a_section_for_every_command_and_no_other() -> None:
    assert set(SECTIONS) == set(COMMANDS)


def test_the_list_at_the_top_has_every_command() -> None:
    top, _, _ = page("docs/commands.md").partition("\n## ")
    anchors = set(re.findall(r"\(#([a-z-]+)\)", top))
    assert anchors == {each.replace(" ", "-") for each in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_lists_every_option_and_no_other(name: str) -> None:
    documented = {
        option
        for row in rows(SECTIONS[name])
        for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", row[0])
    }
    options = [each for each in COMMANDS[name].params if isinstance(each, click.Option)]
    assert documented == {each for option in options for each in option.opts} - {"-h", "--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_names_every_argument(name: str) -> None:
    shown = [
        f"[{each.name}]" if not each.required else str(each.name)
        for each in COMMANDS[name].params
        if isinstance(each, click.Argument)
    ]
    assert not shown or f"`{name} {' '.join(shown).upper()}`" in SECTIONS[name]
