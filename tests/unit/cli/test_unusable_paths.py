"""A path that cannot be used is a slip of whoever named it, not a fault of dermscreen.

Names that are too long stand for folders of other accounts, since those who may read everything run tests too.
"""

from pathlib import Path

import pytest

from cli.examination import examine_site
from cli.exit_codes import ExitCode, unusable_path
from cli.main import run
from storage.settings import Settings

LONG = "x" * 300


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("beat", LONG, "--at", "30 2 * * *", "--reports", "reports"), "cannot be used (File name too long)"),
        (("demo", "--output", LONG), "cannot be used (File name too long)"),
        # what may be a path or a batch is neither
        (("audit", "replay", LONG), "no batch has this name"),
        (("explain", LONG), "is neither a file nor a batch"),
        (("model", "evaluate", LONG), "is neither a folder nor a batch"),
    ],
    ids=["beat", "demo", "replay", "explain", "evaluate"],
)
def test_a_path_on_the_command_line(
    arguments: tuple[str, ...],
    told: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(list(arguments)) == ExitCode.USAGE
    said = capsys.readouterr()
    assert (said.out, LONG in said.err, told in said.err) == ("", True, True)
    assert "fault of dermscreen" not in said.err


@pytest.mark.parametrize("arguments", [("model", "list"), ("model", "show"), ("explain", "picture.jpg")], ids=" ".join)
def test_the_data_folder(
    arguments: tuple[str, ...],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "picture.jpg").write_bytes(b"")
    monkeypatch.setenv("DERMSCREEN_HOME", str(tmp_path / LONG))
    assert run(list(arguments)) == ExitCode.USAGE
    assert f"{tmp_path / LONG}" in capsys.readouterr().err
    assert not (tmp_path / "explained").exists()


def test_doctor_finds_it(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.examination._gpu", lambda _: iter(()))
    found = {item.name: item for item in examine_site(Settings(home=tmp_path / LONG))}
    for name in ("home", "database", "checkpoints", "model"):
        assert (found[name].ok, found[name].exit_code) == (False, ExitCode.USAGE), name
        assert "may use" in found[name].found


def test_other_errors_are_not_of_a_path() -> None:
    assert unusable_path(PermissionError(13, "Permission denied")) is None  # of no path, as of a socket
    assert unusable_path(FileNotFoundError(2, "No such file", "gone.txt")) is None
    assert unusable_path(ValueError("of ours")) is None
