"""The documentation is true: every command and option is described, every help text has an example."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.finite import FiniteRange
from cli.main import screen

ROOT = Path(__file__).resolve().parents[2]


def leaves(group: click.Group, path: tuple[str, ...] = ("screen",)) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = list(leaves(screen))
IDS = [" ".join(path) for path, _ in COMMANDS]


def section(name: str) -> str:
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    found = re.search(rf"^## `{re.escape(name)}[ `].*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section for `{name}`"
    return found.group()


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_help_has_an_example_of_this_very_command(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help is not None
    example = command.help.partition("Example:")[2]
    assert " ".join(path) in example


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_every_command_speaks_json(path: tuple[str, ...], command: click.Command) -> None:
    assert "--json" in {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_every_option_is_documented(path: tuple[str, ...], command: click.Command) -> None:
    text = section(" ".join(path))
    for parameter in command.params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("--"):
                assert f"`{option}" in text, f"{option} is missing from the section of {' '.join(path)}"


def test_no_documented_command_has_vanished() -> None:
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    headed = {match.group(1).strip() for match in re.finditer(r"^## `(screen[a-z -]*)", text, re.MULTILINE)}
    assert headed == {" ".join(path) for path, _ in COMMANDS}


def test_every_state_and_outcome_is_in_the_glossary() -> None:
    from storage.states import BatchState, ChunkState, ImageState, Outcome, Role

    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    for member in (*ImageState, *Outcome, *BatchState, *ChunkState, *Role):
        assert f"`{member}`" in glossary, f"{member} is not in docs/glossary.md"


def test_the_fault_matrix_and_its_tests_name_each_other() -> None:
    page = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    defined = {
        file: set(re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
        for file in ROOT.glob("tests/**/test_*.py")
    }
    assert named <= set().union(*defined.values())
    matrix = [tests for file, tests in defined.items() if file.match("tests/restart/*_faults.py")]
    assert set().union(*matrix) <= named


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_option_with_decimals_is_finite() -> None:
    found = {
        f"{' '.join(path[1:])} {option.opts[0]}": option.type
        for path, command in COMMANDS
        for option in command.params
        if isinstance(option.type, click.types.FloatParamType)
    }
    assert {"model evaluate --prevalence", "model evaluate --ring", "watch --settle"} <= found.keys()
    assert [name for name, kind in found.items() if not isinstance(kind, FiniteRange)] == []
