"""`screen doctor`: a fault in one place is a finding, and does not hide the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.examination import Finding, examine_site
from cli.exit_codes import ExitCode
from storage.settings import Settings

Found = dict[str, Finding]


@pytest.fixture
def examined(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], Found]:
    """Looks at a site, but for what loads the network's libraries."""
    monkeypatch.setattr("cli.examination._gpu", lambda _: iter(()))
    monkeypatch.setattr("cli.examination._model", lambda _: iter([Finding("model", True, "there")]))
    return lambda site: {item.name: item for item in examine_site(site)}


@pytest.mark.parametrize("below", ["", "site"])
def test_a_data_folder_that_is_a_file(below: str, tmp_path: Path, examined: Callable[[Settings], Found]) -> None:
    (tmp_path / "file").write_text("no folder")
    found = examined(Settings(home=tmp_path / "file" / below))
    assert (found["home"].ok, found["home"].exit_code) == (False, ExitCode.USAGE)
    assert "file is no folder" in found["home"].found
    assert found["model"].ok


@pytest.mark.parametrize("url", ["nonsense", "postgresql://me:pw@db:port/x", "oracle9://db/x"])
def test_a_database_url_that_is_none(url: str, settings: Settings, examined: Callable[[Settings], Found]) -> None:
    found = examined(Settings(home=settings.home, database_url=url))
    assert (found["database"].ok, found["database"].exit_code) == (False, ExitCode.USAGE)
    assert found["checkpoints"].exit_code == ExitCode.USAGE
    assert found["broker"].ok is None and found["model"].ok


def test_what_nobody_foresaw_hides_nothing(
    settings: Settings, examined: Callable[[Settings], Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Settings) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("cli.examination._database", fails)
    found = examined(settings)
    assert (found["database"].ok, found["database"].exit_code) == (False, ExitCode.BUG)
    assert found["database"].found.startswith("unforeseen ZeroDivisionError: of ours")
    assert found["model"].ok
