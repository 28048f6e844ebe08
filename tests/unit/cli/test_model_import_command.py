"""`screen model import`: a version that screens, and says that nothing of it is measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from models.catalogue import SHIPPED, find
from models.networks.architectures import build
from models.networks.loaded import verified_network
from models.rounding import text
from models.version import open_version
from storage.settings import Settings

HIDRI = "hidri-2"  # shipped, of the architecture whose files are imported here
THRESHOLD = text(find(HIDRI, Path()).manifest.default.threshold)


@pytest.fixture
def legacy(tmp_path: Path) -> Path:
    """The shipped weights as an old `.h5`."""
    verified_network(open_version(SHIPPED / HIDRI)).save(tmp_path / "best_model.h5")
    return tmp_path / "best_model.h5"


def test_the_shipped_weights_come_back(legacy: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["model", "import", str(legacy), "--architecture", "hidri", "--name", "mine-1"]
    assert run([*arguments, "--threshold", "0.43", "--json"]) == 0
    shown = capsys.readouterr()
    raw = json.loads(shown.out)
    shipped = open_version(SHIPPED / HIDRI).manifest
    assert raw["weights"]["sha256"] == shipped.weights_sha256
    assert (raw["input_size"], raw["metrics"]) == (128, {})
    assert "Nothing is measured" in shown.err
    assert open_version(settings.home / "models" / "mine-1").manifest.raw == raw


def test_it_is_shown_as_not_measured(legacy: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["model", "import", str(legacy), "--architecture", "hidri", "--name", "mine-1", "--like", HIDRI]
    assert run(arguments) == 0
    capsys.readouterr()
    assert run(["model", "show", "mine-1"]) == 0
    shown = capsys.readouterr().out
    assert "measured on    nothing: how well it does is not known" in shown
    assert f"operating point imported: threshold {THRESHOLD}  (default)" in shown
    assert f"taken over from sensitivity-95 of {HIDRI}, not measured with these weights" in shown
    assert run(["model", "list"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("mine-1")]
    assert line.split("\t")[:7] == ["mine-1", "", "", "hidri", "", "imported", THRESHOLD]


@pytest.mark.parametrize("arguments", [[], ["--threshold", "0.5", "--like", HIDRI]])
def test_one_source_of_the_threshold(
    arguments: list[str], legacy: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["model", "import", str(legacy), "--architecture", "hidri", "--name", "mine-1", *arguments]) == 2
    assert "expected one of --threshold and --like" in capsys.readouterr().err


def test_like_another_architecture(tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    network: Any = build("thompson", 16)
    network.save(tmp_path / "a.keras")
    arguments = ["model", "import", str(tmp_path / "a.keras"), "--architecture", "thompson", "--name", "mine-1"]
    assert run([*arguments, "--like", HIDRI]) == 2
    assert capsys.readouterr().err == f"Error: --like {HIDRI}: expected a thompson, received a hidri\n"


def test_what_does_not_fit(legacy: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["model", "import", str(legacy), "--architecture", "thompson", "--name", "mine-1", "--threshold", "0.5"]
    assert run(arguments) == 2
    assert "the file does not fit thompson: expected 6 layers with weights, received 7" in capsys.readouterr().err
    assert not (settings.home / "models").exists()


def test_without_keras_the_extra_is_named(
    legacy: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "keras", None)
    arguments = ["model", "import", str(legacy), "--architecture", "hidri", "--name", "mine-1", "--threshold", "0.5"]
    assert run(arguments) == 2
    assert "importing needs the extra cpu or gpu" in capsys.readouterr().err


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A `.keras` file with three outputs."""
    build("thompson", 224, 3).save(tmp_path / "three.keras")
    return tmp_path / "three.keras"


def test_several_classes(three: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["model", "import", str(three), "--architecture", "thompson", "--name", "mine-3", "--threshold", "0.2"]
    assert run([*arguments, "--classes", "mel, nv,bcc", "--malignant", "bcc", "--malignant", "mel"]) == 0
    said = "taken as the probabilities of mel, nv, bcc, and mel + bcc as that of malignant"
    assert said in capsys.readouterr().err
    manifest = open_version(settings.home / "models" / "mine-3").manifest
    assert (manifest.classes.names, manifest.classes.malignant) == (("mel", "nv", "bcc"), ("mel", "bcc"))


@pytest.mark.parametrize("names", ["benign,malignant", "malignant,benign"])
def test_a_softmax_over_benign_and_malignant(
    names: str, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    build("thompson", 16, 2).save(tmp_path / "two.keras")
    arguments = ["model", "import", str(tmp_path / "two.keras"), "--architecture", "thompson", "--name", "mine-2"]
    assert run([*arguments, "--threshold", "0.2", "--classes", names, "--malignant", "malignant"]) == 0
    both = names.replace(",", " and ")
    assert f"taken as a softmax over {both}, became one, the probability of malignant" in capsys.readouterr().err
    manifest = open_version(settings.home / "models" / "mine-2").manifest
    assert not manifest.classes.several and manifest.training["imported"]["outputs"] == names.split(",")
    assert run(["model", "card", "mine-2"]) == 0
    assert f"whose softmax over {both} became one probability: how it was trained" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected 1 outputs, received 3; name the classes of its outputs in their order"),
        (["--classes", "mel,nv", "--malignant", "mel"], "expected 2 outputs, received 3"),
        (
            ["--classes", "mel,nv,bcc"],
            "expected at least one class that counts as malignant",
        ),
        (["--malignant", "mel"], "--malignant needs --classes"),
    ],
)
def test_classes_that_do_not_fit(
    three: Path, arguments: list[str], message: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = ["model", "import", str(three), "--architecture", "thompson", "--name", "mine-3", "--threshold", "0.2"]
    assert run([*begin, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (settings.home / "models").exists()


def test_a_data_folder_that_it_makes_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "new"
    monkeypatch.setenv("DERMSCREEN_HOME", str(home))
    (tmp_path / "a.h5").write_bytes(b"no weights")
    arguments = ["model", "import", str(tmp_path / "a.h5"), "--architecture", "hidri", "--name", "mine-1"]
    assert run([*arguments, "--threshold", "0.5"]) == 2
    assert "the file cannot be read" in capsys.readouterr().err
    assert home.stat().st_mode & 0o777 == 0o700
