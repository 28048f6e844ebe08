"""Progress where nobody looks on live: plain lines that promise no more than is known."""

import pytest

from cli import progress as progress_module
from cli.progress import progress


@pytest.fixture(autouse=True)
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "PLAIN_SECONDS", 0.0)


def test_what_was_done_before_is_not_our_speed(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Screening") as bar:
        bar.starts_at(1)
        bar.update(1, 21, note="0 flagged")
        bar.update(11, 21, note="2 flagged")
    before, after = capsys.readouterr().err.splitlines()
    assert before == "Screening: 1 of 21, 0 flagged"
    assert after.startswith("Screening: 11 of 21, ")
    assert "/s, about " in after
    assert after.endswith(" s left, 2 flagged")


def test_without_a_total_there_is_no_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Reading") as bar:
        bar.update(3)
    line = capsys.readouterr().err
    assert line.startswith("Reading: 3, ")
    assert "left" not in line


def test_the_end_is_said_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "PLAIN_SECONDS", 1e9)
    with progress("Reading", 2) as bar:
        for done in (1, 2, 2):
            bar.update(done)
    assert [line.startswith("Reading: 2 of 2, ") for line in capsys.readouterr().err.splitlines()] == [True]
