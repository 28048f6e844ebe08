"""Harm done to worker processes with a stub in the network's place; test_killed.py does it to the real one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from harm.pictures import MEMORY, SEGFAULT
from harm.site import Site
from harm.ward import until
from harm.work import Work
from scheduler.broker import Broker
from storage.states import ChunkState, ImageState


def blocked_in_brpop(broker: Broker) -> bool:
    with broker.client() as client:
        return any("b" in item["flags"] and item["cmd"] == "brpop" for item in client.client_list())


def test_killed_between_brpop_and_unacked(site: Site, work: Work) -> None:
    """The message is in nobody's hands then: not in the queue, not among those that a worker holds."""
    batch_id = site.record(site.draw(10))
    celery = work.celery
    for pid in (work.process.pid, celery):
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: blocked_in_brpop(site.broker()), "a worker that waits for a message")
        site.send()
        until(lambda: site.queue() == 0, "a message that was taken")
        assert site.held_messages() == 0
        os.kill(celery, signal.SIGKILL)
    finally:
        os.kill(work.process.pid, signal.SIGCONT)
    site.harmed()
    assert site.complete(batch_id, 10, name="test_killed_between_brpop_and_unacked").ended == {}


def test_killed_in_the_middle_of_a_chunk(site: Site, work: Work) -> None:
    site.close_gate()
    batch_id = site.hand_in(site.draw())
    with site.stopped_at_gate() as pid:
        os.kill(pid, signal.SIGKILL)
        site.harmed()
    found = site.complete(batch_id, name="test_killed_in_the_middle_of_a_chunk")
    assert found.ended == {}
    assert site.events(batch_id, "chunk.split") == 1
    assert work.process.poll() is None


def test_stopped_for_longer_than_the_lease(new_site: Callable[..., Site]) -> None:
    """The late writer must lose: what it computed belongs to an attempt that is over."""
    site = new_site()
    late = site.worker(DERMSCREEN_LEASE_SECONDS="1")
    site.close_gate()
    batch_id = site.hand_in(site.draw(40))
    with site.stopped_at_gate() as pid:
        os.kill(pid, signal.SIGSTOP)
    try:
        other = site.worker()
        site.harmed()
        assert site.complete(batch_id, 40, name="test_stopped_for_longer_than_the_lease").ended == {}
        assert other.said(": done") == 2  # the halves
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: late.said("no longer the one that holds it"), "the late writer's loss")
    site.complete(batch_id, 40)
    assert late.said(": lost") == 1
    assert late.said(": done") == 0


def test_a_task_longer_than_the_visibility_timeout(new_site: Callable[..., Site]) -> None:
    """Redis delivers its message again to another worker, which finds the chunk taken."""
    site = new_site()
    site.worker()
    site.close_gate()
    batch_id = site.hand_in(site.draw(40))
    with site.stopped_at_gate():
        other = site.worker(DERMSCREEN_VISIBILITY_SECONDS="1")
        until(lambda: other.said(": not due"), "a second delivery")
    site.harmed()
    found = site.complete(batch_id, 40, name="test_a_task_longer_than_the_visibility_timeout")
    assert found.ended == {}
    assert found.redeliveries == 0
    assert other.said(": done") == 0


def test_a_task_longer_than_its_time_limit(new_site: Callable[..., Site]) -> None:
    site = new_site()
    site.close_gate()
    batch_id = site.hand_in(site.draw(40))
    site.worker(ready=False, DERMSCREEN_VISIBILITY_SECONDS="3")
    with site.stopped_at_gate():
        until(lambda: site.events(batch_id, "chunk.split"), "the end of a task that takes too long")
        site.harmed()
    assert site.complete(batch_id, 40, name="test_a_task_longer_than_its_time_limit").ended == {}


def test_a_clock_two_hours_ahead(new_site: Callable[..., Site]) -> None:
    """Neither a lease nor a message of a worker whose clock is right is over for one whose clock is wrong."""
    site = new_site()
    site.worker()
    site.close_gate()
    batch_id = site.hand_in(site.draw(40))
    with site.stopped_at_gate() as pid:
        wrong = site.worker(HARM_CLOCK_AHEAD="7200")
        until(lambda: wrong.said(": not due"), "a delivery that is due by the wrong clock alone")
        assert site.chunks(ChunkState.RUNNING) == 1
        second = site.hand_in(site.draw(10))
        until(lambda: len(site.at_gate()) == 2, "a chunk in the hands of the worker whose clock is wrong")
        assert pid in site.at_gate()
    site.harmed()
    for number, batch in ((40, batch_id), (10, second)):
        found = site.complete(batch, number, name="test_a_clock_two_hours_ahead")
        assert found.ended == {}
        assert found.redeliveries == 0


def test_a_decoder_that_segfaults_and_one_that_exhausts_memory(site: Site, work: Work) -> None:
    batch_id = site.hand_in(site.draw(1_000, {517: SEGFAULT, 900: MEMORY}))
    site.harmed()
    found = site.complete(batch_id, 1_000, name="test_a_decoder_that_segfaults_and_one_that_exhausts_memory")
    assert found.ended == {
        "00517.png": (ImageState.FAILED, "the worker died or fell silent 3 times while screening this image alone"),
        "00900.png": (ImageState.FAILED, "out of memory (given up after 3 attempts)"),
    }
    assert site.events(batch_id, "chunk.split") == 6  # 64 images, 32, 16, 8, 4, 2, then the one
    assert work.process.poll() is None
