"""`screen model train` offers every recipe there is."""

from pathlib import Path

import click
import pytest

from cli.commands.model import train
from cli.commands.model.train import command
from cli.drawn_lesions import draw_lesion
from cli.main import run
from models.training.presets import PRESETS
from models.training.run_folder import STATE, keep
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


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_a_seed_that_none_of_the_libraries_takes(seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "train", "--data", str(tmp_path), "--output", str(tmp_path / "out"), "--seed", seed]) == 2
    assert f"{seed} is not in the range 0<=x<=4294967295" in capsys.readouterr().err


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


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Too few images to train on, and no two of them alike."""
    for number, label in enumerate(("benign", "malignant")):
        (tmp_path / "few" / label).mkdir(parents=True)
        for n in range(2):
            draw_lesion(n + 100 * number, width=96, height=96).save(tmp_path / "few" / label / f"{n}.jpg", quality=90)
    return tmp_path / "few"


def test_pictures_in_deeper_folders_are_told_before_the_copies_are_looked_for(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (few / "benign" / "site1").mkdir()
    draw_lesion(3, width=96, height=96).save(few / "benign" / "site1" / "3.jpg")
    assert run(["model", "train", "--data", str(few), "--output", str(tmp_path / "out"), "--name", "a/b"]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "Passed over 1 pictures in folders below those of the classes, such as benign/site1/3.jpg" in shown


def test_rows_of_the_groups_that_name_no_image_are_told(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text("group,image\n1,./benign/0.jpg\n1,1.jpg\n2,x/0.jpg\n", encoding="utf-8")
    typed = ["model", "train", "--data", str(few), "--output", str(tmp_path / "out"), "--groups", str(groups)]
    assert run([*typed, "--name", "a/b"]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert (
        "the file of groups names 2 images that are not in the data folder, such as 1.jpg (expected the path" in shown
    )
    groups.write_text("group,image\n1,benign\\0.jpg\n", encoding="utf-8")
    assert run([*typed, "--name", "a/b"]) == 2
    assert "file of groups" not in capsys.readouterr().err


@pytest.mark.parametrize("kept", ["state.json", "head.weights.h5", None])
def test_copies_are_looked_for_until_something_is_trained(
    few: Path, tmp_path: Path, kept: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy that came when the data was mended must not lie in another part than its original."""
    typed = ["model", "train", "--data", str(few), "--output", str(tmp_path / "out")]
    groups = tmp_path / "out" / "run" / "near_duplicates.csv"
    assert run(typed) == 2
    assert groups.read_text(encoding="utf-8") == "group,image\n"
    draw_lesion(1, width=96, height=96).save(few / "benign" / "more.png")
    if kept:  # an epoch, or the outputs alone of a network that is fine-tuned
        (groups.parent / kept).write_text("{}")
        typed.append("--resume")
    assert run(typed) == 2
    assert capsys.readouterr().err.count("too few images") == 2
    found = groups.read_text(encoding="utf-8")
    assert found == ("group,image\n" if kept else "group,image\n1,benign/1.jpg\n1,benign/more.png\n")


def test_a_run_that_is_resumed_without_its_architecture(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told before the copies are looked for."""
    keep(tmp_path / "out" / "run", PRESETS["efficientnet-lite2"], "")
    (tmp_path / "out" / "run" / STATE).write_text("{}")
    assert run(["model", "train", "--data", str(few), "--output", str(tmp_path / "out"), "--resume"]) == 2
    shown = capsys.readouterr().err
    assert "received hidri; add --architecture efficientnet-lite2" in " ".join(shown.split())
    assert "Reading" not in shown


def test_a_run_that_is_resumed_with_fewer_epochs(few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be published with the weights of all of them."""
    keep(tmp_path / "out" / "run", PRESETS["hidri"], "")
    (tmp_path / "out" / "run" / STATE).write_text("{}")
    assert (
        run(["model", "train", "--data", str(few), "--output", str(tmp_path / "out"), "--resume", "--epochs", "5"]) == 2
    )
    shown = capsys.readouterr().err
    assert "a recipe of 20 epochs, received one of 5; add --epochs 20" in " ".join(shown.split())
    assert "Reading" not in shown
