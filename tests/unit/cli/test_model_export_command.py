"""`screen model export`: the file, and beside it how it was checked."""

import json
import sys
from pathlib import Path

import pytest

from cli.commands.model.export import DRAWN, FORMATS, _pictures
from cli.drawn_lesions import draw_lesion
from cli.main import run
from models.catalogue import DEFAULT_MODEL, find
from models.errors import UsageFault
from models.networks import export
from storage.report import NOTICE
from storage.settings import Settings


def test_the_choice_follows_the_formats() -> None:
    assert set(FORMATS) == set(export.FORMATS)


def test_the_shipped_model(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(3):
        draw_lesion(50 + seed, width=200, height=160).save(folder / f"{seed}.png")
    (folder / "notes.txt").write_text("no picture")
    target = tmp_path / "net.onnx"
    arguments = ["model", "export", DEFAULT_MODEL, "--format", "onnx", "--output", str(target)]
    assert run([*arguments, "--check-images", str(folder), "--json"]) == 0
    shown = capsys.readouterr()
    facts = json.loads(shown.out)
    assert facts == json.loads((tmp_path / "net.onnx.json").read_text(encoding="utf-8"))
    check = facts["check"]
    assert (check["pictures"], check["drawn"], check["real"]) == (DRAWN + 3, DRAWN, 3)
    assert "Compared on drawn pictures" not in shown.err
    assert facts["check"]["largest_difference"] <= 1e-4
    assert facts["notice"] == NOTICE
    assert list(facts["files"]) == ["net.onnx"]
    assert "1 files cannot be screened and were left out of the check." in shown.err
    assert run(arguments) == 0  # a file is replaced
    shown = capsys.readouterr()
    assert f"on {DRAWN} pictures" in shown.out
    assert "The output is before calibration" in shown.err
    assert "Compared on drawn pictures only; --check-images FOLDER compares on your own images too." in shown.err
    check = json.loads((tmp_path / "net.onnx.json").read_text(encoding="utf-8"))["check"]
    assert (check["drawn"], check["real"]) == (DRAWN, 0)


@pytest.mark.parametrize(
    ("format_", "package"), [("onnx", "tf2onnx"), ("onnx", "onnxruntime"), ("tflite", "ai_edge_litert")]
)
def test_a_missing_package_names_the_extra(
    format_: str, package: str, settings: Settings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, package, None)
    assert run(["model", "export", DEFAULT_MODEL, "--format", format_, "--output", str(tmp_path / "net")]) == 2
    said = capsys.readouterr().err
    assert f"exporting to {format_} needs the extras export and cpu or gpu (missing: {package}): pip install -e" in said
    assert "'.[export,cpu]' in the folder of the repository" in said
    assert list(tmp_path.glob("net*")) == []


def test_the_help_says_what_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "export", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"over {DRAWN} drawn pictures, and those of --check-images. A difference above" in said


def test_a_folder_without_a_picture_is_no_check(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(UsageFault, match="expected at least one image that can be screened, received none"):
        list(_pictures(find(DEFAULT_MODEL, tmp_path).manifest, tmp_path))


def test_an_unknown_model(settings: Settings, tmp_path: Path) -> None:
    assert run(["model", "export", "gone-9", "--format", "onnx", "--output", str(tmp_path / "net")]) == 4
