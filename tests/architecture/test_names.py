"""The five short names resolve to this repository, wherever the command is typed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["cli", "worker", "scheduler", "storage", "models"]


@pytest.mark.parametrize("name", NAMES)
def test_name_resolves_to_this_repository(name: str) -> None:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    assert Path(found.origin) == ROOT / name / "__init__.py"


def test_a_folder_with_the_same_names_does_not_get_in_the_way(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong module')\n")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("screen")), "--version"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    worker = subprocess.run(
        [sys.executable, "-P", "-c", "import worker; print(worker.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(worker.stdout.strip()) == ROOT / "worker" / "__init__.py"


def test_the_application_cannot_be_uploaded_by_mistake() -> None:
    assert '"Private :: Do Not Upload"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
