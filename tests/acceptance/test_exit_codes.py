"""What went wrong can be told from the exit code, and the message says what to do."""

import json
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.catalogue import DEFAULT_MODEL, SHIPPED


def copy_of_the_model(home: Path, name: str) -> Path:
    folder = home / "models" / name
    shutil.copytree(SHIPPED / DEFAULT_MODEL, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"name": name}), encoding="utf-8")
    return folder


def test_2_for_a_path_that_is_not_there(site: Any) -> None:
    done = site.screen("submit", "no-such-folder")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such file or folder: no-such-folder" in done.stderr


def test_2_for_an_empty_folder(site: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = site.screen("submit", tmp_path / "empty")
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected at least one image" in done.stderr


def test_2_for_an_unknown_batch_and_an_unknown_option(site: Any) -> None:
    assert site.screen("status", "20200101-000000-abcdef").returncode == 2
    assert site.screen("status", "--no-such-option").returncode == 2


def test_2_for_a_gpu_that_is_not_there(site: Any) -> None:
    done = replace(site, extra={"PATH": "/nonexistent"}).screen("worker", "--device", "gpu")
    assert done.returncode == 2
    assert "--device cpu" in done.stderr


def test_3_for_a_broker_that_does_not_answer_and_the_batch_is_kept(site: Any, lesions: Path) -> None:
    cut_off = replace(site, extra={"DERMSCREEN_BROKER_URL": "redis://:geheim@127.0.0.1:1/0"})
    done = cut_off.screen("submit", lesions / "1.jpg", "--json")
    assert done.returncode == 3
    assert "geheim" not in done.stderr
    counts = json.loads(done.stdout)
    assert (counts["state"], counts["received"], counts["screened"]) == ("open", 1, 0)
    assert "is recorded and loses nothing" in done.stderr
    # with a broker again, nothing has to be handed in a second time
    assert site.json("recover", "--json")["sent"] == 1


def test_3_for_a_database_that_does_not_answer(site: Any, lesions: Path) -> None:
    cut_off = replace(site, extra={"DERMSCREEN_DATABASE_URL": "postgresql://me:geheim@127.0.0.1:1/none"})
    done = cut_off.screen("status")
    assert (done.returncode, done.stdout) == (3, "")
    assert "geheim" not in done.stderr


def test_4_for_weights_with_a_flipped_byte(site: Any, lesions: Path) -> None:
    folder = copy_of_the_model(site.home, "bad-1")
    weights = bytearray((folder / "weights.safetensors").read_bytes())
    weights[-5] ^= 1
    (folder / "weights.safetensors").write_bytes(weights)
    bad = replace(site, extra={"DERMSCREEN_MODEL": "bad-1"})
    for arguments in (["worker"], ["model", "show"], ["doctor"], ["submit", str(lesions / "1.jpg"), "--wait"]):
        done = bad.screen(*arguments)
        assert done.returncode == 4, (arguments, done.stderr)
        assert "expected SHA-256" in done.stderr + done.stdout
    # the batch is recorded all the same, and whoever handed it in learns its id
    (waiting,) = site.json("status", "--json")
    assert f"batch      {waiting['batch']} (open" in done.stdout


def test_4_for_an_unknown_model(site: Any, lesions: Path) -> None:
    done = replace(site, extra={"DERMSCREEN_MODEL": "gone-9"}).screen("submit", lesions)
    assert (done.returncode, done.stdout) == (4, "")
    assert DEFAULT_MODEL in done.stderr


def test_5_for_a_changed_audit_event(site: Any, lesions: Path) -> None:
    site.screen("submit", lesions / "1.jpg")
    with sqlite3.connect(site.home / "dermscreen.db") as database:
        database.execute("DROP TRIGGER audit_events_update")
        database.execute("UPDATE audit_events SET body = replace(body, '\"size\":', '\"size\":1') WHERE seq = 3")
    database.close()
    done = site.screen("audit", "verify")
    assert (done.returncode, done.stdout) == (5, "")
    assert "audit event 3 was changed" in done.stderr


def test_errors_in_json_mode_leave_stdout_to_data(site: Any) -> None:
    done = site.screen("status", "nothing", "--json")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_3_for_a_full_disk_behind_stdout(site: Any) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [Path(sys.executable).with_name("screen"), "model", "list"], env=site.environment,
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.startswith("Error: what was asked for could not be written: No space left")
