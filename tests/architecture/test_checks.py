"""The checks of `make check` and `make audit` find what they are for, and the repository passes them."""

from __future__ import annotations

import base64
import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


secret_scan, vulnerability_audit = program("secret_scan"), program("vulnerability_audit")

# put together here, so that this file holds none
AWS = "AKIA" + "ABCDEFGHIJKLMNOP"
KEY = "-----BEGIN " + "OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA"
PASSED = "redis://:" + "Tr0ub4dor3@cache:6379/0"
RANDOM = base64.b64encode(random.Random(1).randbytes(48)).decode()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f'key = "{AWS}"', "an AWS key"),
        (KEY, "a private key"),
        (f"URL={PASSED}", "a password in a URL"),
        (f'token = "{RANDOM}"', "a token"),
        ("ghp_" + "a1B2" * 9, "a GitHub token"),
        ("xoxb-" + "1234567890-abc", "a Slack token"),
        ("AIza" + "Sy0" * 11 + "ab", "a Google key"),
    ],
)
def test_a_secret_is_found_at_its_line(text: str, kind: str) -> None:
    assert (2, kind) in list(secret_scan.findings(f"# a line before\n{text}\n"))
    exempt = text.replace("\n", "  # not a secret\n", 1) if "\n" in text else f"{text}  # not a secret"
    assert [found for found in secret_scan.findings(exempt) if found[0] == 1] == []


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://dermscreen:${POSTGRES_PASSWORD:?choose}@postgres:5432/x",
        "redis://localhost:6379/0 by mail to a@b.example",
        "sha256 " + "0123456789abcdef" * 4,
        "tests/unit/models/networks/test_efficientnet_lite_and_more_of_it.py",
        "test_a_stream_that_never_pauses_must_not_wait_for_ever_and_ever_and_ever",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert list(secret_scan.findings(text)) == []


def test_a_finding_is_told_without_the_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.txt").write_text(f"x\n{AWS}\n")
    assert secret_scan.main(tmp_path) == 1
    assert capsys.readouterr().out == "config.txt:2: an AWS key\n"


def test_the_repository_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert secret_scan.main() == 0, capsys.readouterr().out


def package(name: str, *vulnerabilities: str) -> dict[str, object]:
    return {"name": name, "version": "1", "vulns": [{"id": item} for item in vulnerabilities]}


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("", 0, "SKIPPED, the vulnerability service did not answer"),
        ("Traceback", 0, "SKIPPED"),
        (json.dumps({"dependencies": [{"name": "a", "skip_reason": "not found"}]}), 0, "SKIPPED"),
        (json.dumps({"dependencies": [package("a")]}), 0, "1 of 1 packages checked, 0 with"),
        (json.dumps({"dependencies": [package("a", "CVE-1"), package("b")]}), 1, "a 1: CVE-1"),
    ],
)
def test_what_the_audit_says(answer: str, code: int, words: str) -> None:
    found = vulnerability_audit.verdict("x.lock", answer)
    assert found[0] == code
    assert words in found[1]


def test_bandit_finds_something_with_our_settings(tmp_path: Path) -> None:
    code = "import subprocess\nsubprocess.call('ls', shell=True)\nimport pickle\npickle.loads(b'')\n"
    (tmp_path / "bad.py").write_text(code)
    command = [sys.executable, "-m", "bandit", "-q", "-c", str(ROOT / "pyproject.toml"), "-r"]
    bad = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert bad.returncode == 1 and "B602" in bad.stdout and "B301" in bad.stdout
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "bandit -q -c pyproject.toml -r cli worker scheduler storage models" in makefile
