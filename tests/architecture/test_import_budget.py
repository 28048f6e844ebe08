"""`screen --help` imports click and nothing heavier. The modules are counted, not the seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ["sqlalchemy", "alembic", "celery", "kombu", "redis", "tensorflow", "keras", "numpy", "PIL", "rich", "jinja2",
         "fsspec", "safetensors", "watchfiles", "sklearn", "cryptography"]  # fmt: skip
COMMANDS = [["--help"], ["submit", "--help"], ["report", "--help"], ["model", "--help"], ["model", "train", "--help"],
            ["model", "evaluate", "--help"], ["model", "check-data", "--help"]]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys\nfrom cli.main import run\ncode = run({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd="/", capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "Example:" in done.stdout
    assert done.stdout.splitlines()[-1] == "[] 0"
