"""A number that somebody types is one: nan lies in every range, and would be found out after hours."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from cli.finite import FiniteRange
from cli.main import run


@pytest.mark.parametrize(
    ("typed", "code"), [("nan", 2), ("NaN", 2), ("inf", 2), ("-inf", 2), ("1e999", 2), ("0.1", 2), ("0.2", 0), ("3", 0)]
)
def test_a_number_is_finite_and_in_its_range(typed: str, code: int) -> None:
    @click.command()
    @click.option("--seconds", type=FiniteRange(min=0.2))
    def command(seconds: float) -> None:
        click.echo(seconds)

    assert CliRunner().invoke(command, ["--seconds", typed]).exit_code == code


@pytest.mark.parametrize("option", ["--prevalence", "--ring"])
def test_it_is_told_before_anything_is_screened(
    option: str, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["model", "evaluate", str(tmp_path), option, "nan"]) == 2
    assert "'nan' is not a finite number" in capsys.readouterr().err
