"""Two people at once, an inbox, a night."""

import csv
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scheduler.embedded_valkey import binary, running
from storage.migrations import HEAD
from storage.settings import Settings

DEADLINE_SECONDS = 150.0


def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_SECONDS:.0f} s"
        time.sleep(0.2)


def test_two_submits_share_one_broker_and_one_database(site: Any, lesions: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for seed in range(0, 70, 2):
        # the same pictures under other bytes: both batches have work to do
        (other / f"{seed}.jpg").write_bytes((lesions / f"{seed}.jpg").read_bytes() + b"\0")
    both = [site.start("submit", folder, "--wait", "--json") for folder in (lesions, other)]
    results = []
    for process in both:
        stdout, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
        results.append(json.loads(stdout))
    assert [item["received"] for item in results] == [70, 35]
    assert all(item["state"] == "complete" and item["screened"] == item["received"] for item in results)
    assert running(Settings(site.home))
    starts = (site.home / "logs" / "valkey.log").read_text(encoding="utf-8").count("Server initialized")
    assert starts == 1
    assert site.screen("audit", "verify").returncode == 0


def test_the_same_job_on_postgresql(site: Any, lesions: Path, postgres_url: str) -> None:
    real = replace(site, extra={"DERMSCREEN_DATABASE_URL": postgres_url})
    upgraded = real.json("db", "upgrade", "--json")
    assert (upgraded["before"], upgraded["after"]) == (None, HEAD)
    counts = real.json("submit", lesions, "--wait", "--json")
    assert (counts["state"], counts["screened"]) == ("complete", 70)
    assert not (site.home / "dermscreen.db").exists()
    again = real.screen("submit", lesions, "--wait")
    assert "70 of 70 images were scored before" in again.stderr
    # one network and one threshold: the database plays no part in the result
    embedded = site.json("submit", lesions, "--wait", "--json")
    same = ("screened", "flagged", "clear", "review")
    assert [embedded[key] for key in same] == [counts[key] for key in same]
    assert real.screen("audit", "verify").returncode == 0


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A server of its own on the loopback that demands a password, as a site would run it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [binary(), "--port", str(port), "--bind", "127.0.0.1", "--requirepass", "geheim", "--dir", str(tmp_path),
         "--save", ""], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    yield f"redis://:geheim@127.0.0.1:{port}/0"
    server.terminate()
    server.wait(30)


def test_a_redis_by_url_with_a_worker_apart(site: Any, lesions: Path, redis_url: str) -> None:
    real = replace(site, extra={"DERMSCREEN_BROKER_URL": redis_url})
    until(lambda: real.screen("recover").returncode == 0, "an answer of Redis")
    submit = real.start("submit", lesions, "--wait", "--json")
    worker = real.start("worker", "--device", "cpu", "--json")
    stdout, stderr = submit.communicate(timeout=300)
    doctor = real.screen("doctor")
    worker.terminate()
    data, told = worker.communicate(timeout=90)
    assert set(json.loads(data)) == {"worker", "seconds"}  # what Celery says is talk
    assert submit.returncode == 0, stderr
    assert json.loads(stdout)["screened"] == 70
    assert "1 alive" in doctor.stdout
    assert worker.returncode == 0
    # a password is shown nowhere, and our own server was never started
    assert "geheim" not in stderr + told + doctor.stdout + doctor.stderr
    assert not (site.home / "valkey").exists()


def test_an_inbox(site: Any, lesions: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "monday").mkdir(parents=True)
    for seed in range(5):
        shutil.copy(lesions / f"{seed}.jpg", inbox / "monday")
    (inbox / "broken.jpg").write_bytes((lesions / "9.jpg").read_bytes()[:2000])
    watcher = site.start("watch", inbox, "--settle", "0.5", "--json")
    try:
        first = json.loads(watcher.stdout.readline())
        assert (first["received"], first["screened"], first["rejected"]) == (6, 5, 1)
        # a second delivery while it watches
        shutil.copy(lesions / "8.jpg", inbox / "late.jpg")
        second = json.loads(watcher.stdout.readline())
        assert (second["received"], second["screened"]) == (1, 1)
    finally:
        watcher.terminate()
        watcher.communicate(timeout=90)
    assert watcher.returncode == 0
    assert sorted(path.name for path in inbox.iterdir()) == ["processed", "rejected"]
    assert "too early" in (inbox / "rejected" / "broken.jpg.reason.txt").read_text(encoding="utf-8")
    [day] = (inbox / "processed").iterdir()
    assert sorted(path.name for path in (day / "monday").iterdir()) == [f"{seed}.jpg" for seed in range(5)]
    assert (day / "late.jpg").is_file()


def test_a_night(site: Any, lesions: Path, tmp_path: Path) -> None:
    folder, reports = tmp_path / "today", tmp_path / "reports"
    folder.mkdir()
    for seed in range(6):
        shutil.copy(lesions / f"{seed}.jpg", folder)
    beat = site.start("beat", folder, "--at", "* * * * *", "--reports", reports, "--site", "north")
    try:
        until(lambda: reports.is_dir() and list(reports.glob("flagged-*.csv")), "the night's CSV")
    finally:
        beat.terminate()
        _, stderr = beat.communicate(timeout=90)
    assert beat.returncode == 0, stderr
    night = site.json("status", "--json")[0]
    assert (night["state"], night["received"], night["screened"]) == ("complete", 6, 6)
    with (reports / f"flagged-{night['batch']}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == night["flagged"]
    assert {row["site"] for row in rows} <= {"north"}


def test_the_demonstration(site: Any, tmp_path: Path) -> None:
    done = site.screen("demo", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert (counts["state"], counts["received"]) == ("complete", 100)
    assert "drawn" in done.stderr
    with (tmp_path / "demo/report.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == counts["flagged"]
    page = (tmp_path / "demo/report.html").read_text(encoding="utf-8")
    assert "not a medical device" in page
    assert not running(Settings(tmp_path / "demo" / "home"))
