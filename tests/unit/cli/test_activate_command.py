"""`screen model activate` names who screens before and after, and says where that is not so."""

from __future__ import annotations

import json

import pytest

from cli.main import run
from models.catalogue import DEFAULT_MODEL
from storage.registry import MODEL

pytestmark = pytest.mark.usefixtures("settings")


def activate(capsys: pytest.CaptureFixture[str], *typed: str) -> tuple[str, str]:
    """stdout and stderr."""
    assert run(["model", "activate", *typed]) == 0
    shown = capsys.readouterr()
    return shown.out.strip(), " ".join(shown.err.split())


def test_where_nobody_was_made_active_it_is_the_shipped_one(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = activate(capsys, "hidri-2", "--json")
    assert json.loads(out) == {"role": "active", "old": DEFAULT_MODEL, "new": "hidri-2"}
    assert activate(capsys, "--off") == (f"active: hidri-2 -> {DEFAULT_MODEL}", err)
    assert err == ""


def test_where_there_is_no_shadow_it_is_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert activate(capsys, "hidri-2", "--shadow") == ("shadow: none -> hidri-2", "")
    out, _ = activate(capsys, "--shadow", "--off", "--json")
    assert json.loads(out) == {"role": "shadow", "old": "hidri-2", "new": None}


def test_what_the_environment_overrides_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODEL, "thompson-1")
    out, err = activate(capsys, "hidri-2")
    assert out == f"active: {DEFAULT_MODEL} -> hidri-2"
    assert f"Warning: {MODEL} is set to thompson-1 here: whatever is activated, thompson-1 screens" in err
    assert activate(capsys, "thompson-1") == ("active: hidri-2 -> thompson-1", "")


@pytest.mark.parametrize("last", ["--shadow", None])
def test_a_shadow_of_itself_is_told(capsys: pytest.CaptureFixture[str], last: str | None) -> None:
    """It scores nothing: the worker passes it over."""
    first, second = (["hidri-2"], ["hidri-2", "--shadow"]) if last else (["hidri-2", "--shadow"], ["hidri-2"])
    assert activate(capsys, *first)[1] == ""
    assert "Warning: hidri-2 is the active model version and in the shadow too" in activate(capsys, *second)[1]
    assert activate(capsys, "thompson-1", "--shadow") == ("shadow: hidri-2 -> thompson-1", "")


def test_an_active_model_that_is_not_at_hand_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is marked in the list then, which reads as if the shipped one were meant."""
    assert run(["model", "list", "--json"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setenv(MODEL, "clinic-1")
    assert run(["model", "list", "--json"]) == 0
    shown = capsys.readouterr()
    assert [item for item in json.loads(shown.out) if item["active"]] == []
    assert shown.err.startswith("Warning: clinic-1, the active model version, is not at hand here")
