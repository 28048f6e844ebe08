"""What is shipped: a wheel that screens without training, locks that name no host, files that can be read."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PACKAGES = ["cli", "worker", "scheduler", "storage", "models"]


def test_the_wheel_holds_weights_migrations_and_template(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    from models.catalogue import DEFAULT_MODEL

    assert f"models/versions/{DEFAULT_MODEL}/weights.safetensors" in names
    assert f"models/versions/{DEFAULT_MODEL}/manifest.json" in names
    migrations = {path.name for path in (ROOT / "storage/migrations/versions").glob("0*.py")}
    assert migrations
    assert {f"storage/migrations/versions/{name}" for name in migrations} <= names
    assert {"cli/templates/report.html", "cli/templates/evaluation.html", "cli/templates/page.css"} <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_has_hashes_and_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert [line for line in text.splitlines() if line.startswith("-")] == []  # no option for an index or a folder
    requirements = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(requirements) > 20
    assert [item.splitlines()[0] for item in requirements if "--hash=sha256:" not in item] == []


def test_the_lock_covers_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()}
    wanted = {re.split(r"[\[><=;! ]", item)[0] for item in project["dependencies"]}
    assert wanted <= locked


def test_extras_are_those_of_the_design() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) == {"cpu", "gpu", "postgres", "s3", "gcs", "train", "export", "dev"}


def test_a_database_that_is_still_being_set_up_is_not_healthy() -> None:
    """The image's server for the time of initdb listens on no address."""
    checks = re.findall(r"pg_isready[^\"]*", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert checks == ["pg_isready -h 127.0.0.1 -U dermscreen"]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_python_without_ensurepip_is_told_what_to_install(tmp_path: Path) -> None:
    """As Debian ships it."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\n[ "$1" = -m ] && exit 9\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o700)
    done = subprocess.run(
        ["make", "install", f"PYTHON={python}", f"VENV={tmp_path}/venv"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
    )  # fmt: skip
    lacks = "dermscreen needs the ensurepip of Python, which this one lacks"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == (
        f"{lacks}: on Debian and Ubuntu install the package python3.{sys.version_info[1]}-venv"
    )
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_source_file_needs_scrolling_to_understand(package: str) -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / package).rglob("*.py")
        if "migrations/versions" not in path.as_posix()
    }
    assert {path: number for path, number in lines.items() if number > 300} == {}
