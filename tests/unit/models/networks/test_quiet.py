"""Two lines are kept off stderr, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models.networks.quiet import NOISE, STDERR

ROOT = Path(__file__).resolve().parents[4]
BEGIN = (
    "import os, sys; from models.networks.quiet import without_noise; say = lambda text: os.write(2, text.encode());"
)


def run(code: str, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", BEGIN + code], check=False, text=True, stdout=subprocess.PIPE, stderr=stderr,
        env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.parametrize("noise", NOISE)
def test_noise_is_kept_off_and_the_rest_passes_in_its_order(noise: str) -> None:
    done = run(
        f"""
say("before\\n")
with without_noise():
    say("I0000 {noise} and so on\\nE0000 an error\\n")
    sys.stderr.write("from python\\n")
say("after {noise}\\n")"""
    )
    assert done.stderr.splitlines() == ["before", "E0000 an error", "from python", f"after {noise}"]


def test_the_last_words_of_a_killed_process_pass() -> None:
    done = run("""
with without_noise():
    say("F0000 no AVX here")
    os.abort()""")
    assert done.returncode < 0
    assert done.stderr == "F0000 no AVX here"


def test_an_error_of_the_import_comes_out() -> None:
    done = run("""
with without_noise():
    import nothing_of_this_name""")
    assert done.returncode == 1
    assert "No module named 'nothing_of_this_name'" in done.stderr


def test_without_a_stderr_it_just_goes_on() -> None:
    done = run(f"""
os.close({STDERR})
with without_noise():
    print("on")""")
    assert (done.returncode, done.stdout) == (0, "on\n")
