"""Every output is written whole (temporary file, fsync, rename), and for its user alone."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cli", "worker", "scheduler", "storage", "models")

WRITERS = {"write_text", "write_bytes", "savefig", "copyfile", "copy", "copy2", "move", "save_file", "tofile"}
# (file, call) -> why it need not be whole
ALLOWED = {
    ("models/whole_file.py", "open"): "this is where it is done",
    ("models/networks/importing.py", "write_bytes"): "into a folder that gets its name when all is on the disk",
    ("models/networks/importing.py", "write_text"): "likewise",
    ("cli/registering.py", "copyfile"): "likewise",
    ("cli/drawn_lesions.py", "write_bytes"): "pictures that are drawn anew for each demonstration",
    ("cli/waiting.py", "open"): "a lock and a log",
    ("scheduler/embedded_valkey.py", "open"): "a lock and a log",
    ("scheduler/decoder.py", "write_text"): "a word to the kernel",
    ("scheduler/moving_out.py", "move"): "a file of others, onto another file system",
}


def writes(path: Path) -> Iterator[str]:
    """Names of the calls in a file that write another file at once."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        modes = [*node.args[:2], *(item.value for item in node.keywords if item.arg == "mode")]
        mode = "".join(item.value for item in modes if isinstance(item, ast.Constant) and isinstance(item.value, str))
        on_path = isinstance(node.func, ast.Attribute) or name == "open"
        if name in WRITERS or (name == "open" and on_path and len(mode) <= 3 and set(mode) & set("wax+")):
            yield name


def test_no_output_is_written_otherwise() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in writes(path)
    }
    arrays = {item for item in found if item[1] == "copy" and "shutil" not in (ROOT / item[0]).read_text()}
    assert sorted(found - arrays - ALLOWED.keys()) == []


def test_what_a_command_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DERMSCREEN_")}
    command = f"umask 022; exec '{sys.executable}' -m cli.main report --output '{tmp_path}/made/report.csv'"
    subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, check=True, capture_output=True,
        env=environment | {"DERMSCREEN_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    made = [*(tmp_path / "home").rglob("*"), *(tmp_path / "made").rglob("*"), tmp_path / "home", tmp_path / "made"]
    assert len(made) > 3
    assert [path for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
