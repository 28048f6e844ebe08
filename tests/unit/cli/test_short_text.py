"""What is typed fits the column that it goes into, on both kinds of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from cli.main import run
from cli.short_text import CRON, NAME
from storage.schema import Activation, Batch, Schedule
from storage.settings import Settings


def test_the_limits_are_those_of_the_columns() -> None:
    names = [Batch.site, Batch.submitter, Schedule.site, Schedule.submitter, Activation.actor]
    assert {column.type.length for column in names} == {NAME.limit}
    assert Schedule.cron.type.length == CRON.limit


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", ".", "--site"],
        ["submit", ".", "--submitter"],
        ["watch", ".", "--once", "--site"],
        ["watch", ".", "--once", "--submitter"],
        ["beat", ".", "--reports", ".", "--at", "0 2 * * *", "--site"],
        ["beat", ".", "--reports", ".", "--at", "0 2 * * *", "--submitter"],
        ["pause", "--by"],
    ],
    ids=" ".join,
)
def test_a_name_that_is_too_long_is_refused_before_anything_is_done(
    settings: Settings, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert run([*arguments, "n" * 201]) == ExitCode.USAGE
    assert "expected at most 200 characters, received 201" in capsys.readouterr().err
    assert not (settings.home / "dermscreen.db").exists()


def test_a_time_that_is_too_long(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    every = ",".join(str(minute) for minute in range(60))
    assert run(["beat", ".", "--reports", ".", "--at", f"{every} * * * *"]) == ExitCode.USAGE
    assert "expected at most 100 characters, received 177" in capsys.readouterr().err
