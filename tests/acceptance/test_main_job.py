"""`screen submit ./batch --wait` on a fresh machine, and all that follows from it."""

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from cli.drawn_lesions import REFUSED, draw_folder

KEYS = ["batch", "state", "received", "screened", "duplicate", "rejected", "failed", "flagged", "clear", "review",
        "seconds"]  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    folder = tmp_path_factory.mktemp("drawn") / "batch"
    return folder, draw_folder(folder, count=40)


@pytest.fixture(scope="module")
def first(module_site: Any, drawn: tuple[Path, dict[str, int]]) -> Any:
    return module_site.screen("submit", "batch", "--wait", "--json", "--site", "north", cwd=drawn[0].parent)


@pytest.fixture(scope="module")
def counts(first: Any) -> dict[str, Any]:
    import json

    assert first.stdout, first.stderr
    loaded: dict[str, Any] = json.loads(first.stdout)
    return loaded


@pytest.fixture(scope="module")
def rows(module_site: Any, first: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(module_site.screen("report", "--all").stdout)))


def test_the_object_has_exactly_the_promised_keys(counts: dict[str, Any]) -> None:
    assert list(counts) == KEYS


def test_the_counts_add_up(counts: dict[str, Any], drawn: tuple[Path, dict[str, int]]) -> None:
    kinds = drawn[1]
    assert counts["state"] == "complete"
    assert counts["received"] == sum(kinds.values()) == 40
    assert counts["received"] == counts["screened"] + counts["duplicate"] + counts["rejected"] + counts["failed"]
    assert counts["screened"] == counts["flagged"] + counts["clear"] + counts["review"]
    assert counts["rejected"] == sum(kinds.get(kind, 0) for kind in REFUSED)
    assert counts["duplicate"] > 0
    assert counts["failed"] == 0


def test_rejects_give_exit_code_1_and_no_traceback(first: Any) -> None:
    assert first.returncode == 1
    assert "Traceback" not in first.stderr


def test_report_rows(rows: list[dict[str, str]], counts: dict[str, Any]) -> None:
    assert list(rows[0])[:9] == [
        "batch", "image", "checksum", "outcome", "probability", "threshold", "model", "policy", "reason"
    ]  # fmt: skip
    assert len(rows) == counts["received"]
    for row in rows:
        assert row["image"].startswith("batch/")
        if row["outcome"] in ("flagged", "clear", "review"):
            flagged = float(row["probability"]) >= float(row["threshold"])
            assert (row["outcome"] == "flagged") == flagged or (row["outcome"] == "review" and row["reason"])
            assert row["policy"].startswith("sensitivity-95/")
        else:
            assert row["probability"] == ""
            assert row["reason"]


def test_flagged_is_the_default_report(module_site: Any, counts: dict[str, Any], tmp_path: Path) -> None:
    done = module_site.screen("report", counts["batch"], "--output", tmp_path / "flagged.csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "flagged.csv").open(newline="", encoding="utf-8") as file:
        flagged = list(csv.DictReader(file))
    assert len(flagged) == counts["flagged"]
    assert {row["outcome"] for row in flagged} <= {"flagged"}
    assert "not a medical device" in done.stderr
    assert f"{counts['received']} received" in done.stderr


def test_status_says_the_same(module_site: Any, counts: dict[str, Any]) -> None:
    assert module_site.json("status", counts["batch"], "--json") == counts
    assert counts in module_site.json("status", "--json")


def test_second_submit_runs_no_inference_and_says_so(
    module_site: Any, first: Any, drawn: tuple[Path, dict[str, int]], tmp_path: Path, counts: dict[str, Any]
) -> None:
    sound = tmp_path / "batch"
    shutil.copytree(drawn[0], sound)
    log = module_site.home / "logs" / "worker.log"
    before = log.read_text(encoding="utf-8", errors="replace").count(": done\n")
    again = module_site.screen("submit", sound, "--wait")
    assert f"{counts['screened']} of {counts['received']} images were scored before" in again.stderr
    assert "no inference is run" in again.stderr
    # what intake could not see through a header (a truncated file) is decoded, and refused, a second time
    scored = log.read_text(encoding="utf-8", errors="replace").count(": done\n") - before
    assert scored <= 1


def test_doctor_is_content(module_site: Any, first: Any) -> None:
    done = module_site.screen("doctor")
    assert done.returncode == 0, done.stdout
    assert "BAD" not in done.stdout


def test_audit_chain_holds(module_site: Any, counts: dict[str, Any]) -> None:
    found = module_site.json("audit", "verify", "--json")
    assert found["intact"] is True
    assert found["events"] > counts["received"]


def test_no_file_name_in_the_logs(module_site: Any, first: Any, drawn: tuple[Path, dict[str, int]]) -> None:
    names = {path.name for path in drawn[0].rglob("*") if path.is_file()}
    for log in (module_site.home / "logs").iterdir():
        text = log.read_text(encoding="utf-8", errors="replace")
        assert [name for name in names if name in text] == []


def test_nothing_is_left_running_but_the_broker(module_site: Any, first: Any) -> None:
    running = module_site.json("doctor", "--json")
    assert running["workers"]["found"] == "none alive"
    assert module_site.json("down", "--json") == {"stopped": True}
    assert module_site.json("down", "--json") == {"stopped": False}
