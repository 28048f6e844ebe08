"""`screen beat` refuses what it would otherwise pass over, before it runs for ever."""

from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from cli.main import run
from storage.settings import Settings


@pytest.mark.parametrize("option", [["--at", "30 2 * * *"], ["--reports", "reports"], ["--site", "north"]])
def test_options_of_a_folder_without_a_folder(
    settings: Settings, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["beat", *option]) == ExitCode.USAGE
    assert "received no FOLDER" in capsys.readouterr().err


@pytest.mark.parametrize("cron", ["2 * * *", "99 2 * * *", "at two"])
def test_a_time_that_never_comes(
    settings: Settings, tmp_path: Path, cron: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["beat", str(tmp_path), "--at", cron, "--reports", str(tmp_path / "reports")]) == ExitCode.USAGE
    assert cron in capsys.readouterr().err
