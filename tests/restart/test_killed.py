"""SIGKILL to the real network: no image is lost, every result exists once. Other faults: test_*_faults.py."""

import json
import os
import signal
from pathlib import Path
from typing import Any


def pool_process(pid: int, descendants: Any) -> int:
    """The process that computes: the last in the line submit -> worker -> pool."""
    return int(descendants(pid)[-1])


def test_a_worker_killed_in_the_middle_of_a_chunk(ward: Any, many_lesions: Path, descendants: Any, until: Any) -> None:
    submit = ward.start("submit", many_lesions, "--wait", "--json")
    until(ward.running_chunks, "a claim")
    os.kill(pool_process(submit.pid, descendants), signal.SIGKILL)
    stdout, _ = submit.communicate(timeout=300)
    assert submit.returncode == 0
    assert json.loads(stdout)["screened"] == 130
    ward.assert_nothing_lost(130)


def test_everything_killed_and_started_again(ward: Any, many_lesions: Path, descendants: Any, until: Any) -> None:
    submit = ward.start("submit", many_lesions, "--wait")
    until(ward.running_chunks, "a claim")
    for pid in [submit.pid, *descendants(submit.pid)]:
        os.kill(pid, signal.SIGKILL)
    submit.communicate(timeout=30)
    [total] = ward.counts()
    assert total.state == "open"
    worker = ward.start("worker")
    until(lambda: ward.counts()[0].state == "complete", "the batch's end")
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=90)
    assert worker.returncode == 0
    ward.assert_nothing_lost(130)
