"""`screen model train` offers every recipe there is."""

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
