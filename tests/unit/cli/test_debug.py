"""`--debug` and DERMSCREEN_DEBUG add a traceback and change no exit code."""

import pytest

from cli.exit_codes import ExitCode
from cli.main import run
from storage.settings import Settings


@pytest.mark.parametrize("said", [[], ["--debug"], None])
def test_the_exit_code_is_that_of_the_error(
    said: list[str] | None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if said is None:
        monkeypatch.setenv("DERMSCREEN_DEBUG", "1")
    assert run([*(said or []), "model", "show", "nobody"]) == ExitCode.MODEL_INVALID
    shown = capsys.readouterr()
    assert (shown.out, "Traceback" in shown.err) == ("", said != [])
    assert "Error: no model version 'nobody'" in shown.err


def test_what_nobody_foresaw_has_its_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: Settings) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("storage.migrate.open_database", fails)
    assert run(["--debug", "status"]) == ExitCode.BUG
    assert "Traceback" in capsys.readouterr().err
