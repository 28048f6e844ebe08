"""`--by`: whoever orders something is named, and where nobody says who, it is the user of the process."""

import click
import pytest
from click.testing import CliRunner

from cli.by_option import by_option
from storage.processes import os_user


@pytest.mark.parametrize(
    ("typed", "actor"), [(["--by", "dr jones"], "dr jones"), ([], os_user()), (["--by", ""], os_user())]
)
def test_who_it_is(typed: list[str], actor: str) -> None:
    @click.command()
    @by_option
    def command(actor: str) -> None:
        click.echo(actor)

    assert CliRunner().invoke(command, typed).output == f"{actor}\n"
