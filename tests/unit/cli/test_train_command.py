"""`screen model train` offers every recipe there is."""

from pathlib import Path

import click
import pytest

from cli.commands.model import train
from cli.commands.model.train import command
from cli.main import run
from models.training.presets import PRESETS
from models.views import VIEWS


def test_the_choice_follows_the_presets() -> None:
    (choice,) = [item.type for item in command.params if item.name == "architecture"]
    assert isinstance(choice, click.Choice)
    assert list(choice.choices) == sorted(PRESETS)


def test_the_views_are_those_that_a_manifest_may_name() -> None:
    assert train.VIEWS == VIEWS


def test_an_unknown_architecture(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "train", "--architecture", "vgg", "--data", str(tmp_path), "--output", str(tmp_path)]) == 2
    assert "'thompson'" in capsys.readouterr().err


def test_a_slip_is_told_before_the_copies_are_looked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("benign", "malignant"):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "a.jpg").write_bytes(b"no picture")
    for typed, message in (
        (["--output", str(tmp_path / "out"), "--name", "a/b"], "received 'a/b'; give it one by --name"),
        (["--output", str(tmp_path / "my model")], "received 'my model'; give it one by --name"),
        (["--output", str(tmp_path / "data" / "benign" / "a.jpg" / "out")], "the model version cannot be written to"),
    ):
        assert run(["model", "train", "--data", str(tmp_path / "data"), *typed]) == 2
        shown = capsys.readouterr().err
        assert message in shown
        assert "Reading" not in shown
