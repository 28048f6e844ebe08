"""Harm done to Valkey, in the middle of a batch: the database is the truth, the queue is a hint."""

from __future__ import annotations

import base64
import json
import os
import signal
from pathlib import Path
from uuid import uuid4

import pytest

from harm.site import Site
from harm.ward import until
from harm.work import Work
from models.errors import ServiceUnreachable
from scheduler.broker import KEY_PREFIX, QUEUE
from scheduler.celery_app import SCREEN_CHUNK
from storage.states import ChunkState


def test_valkey_killed(site: Site) -> None:
    site.close_gate()
    batch_id = site.hand_in(site.draw())
    with site.stopped_at_gate(), site.broker().client() as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
        site.harmed()
    assert site.complete(batch_id, name="test_valkey_killed").ended == {}


def test_valkey_wiped(site: Site) -> None:
    site.close_gate()
    batch_id = site.hand_in(site.draw())
    with site.stopped_at_gate(), site.broker().client() as client:
        until(lambda: client.llen(KEY_PREFIX + QUEUE) == 2, "two chunks in the queue")
        client.flushall()
        site.harmed()
    assert site.complete(batch_id, name="test_valkey_wiped").ended == {}


def test_connections_to_valkey_cut(site: Site) -> None:
    site.close_gate()
    batch_id = site.hand_in(site.draw())
    with site.stopped_at_gate(), site.broker().client() as client:
        assert client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 2
        site.harmed()
    assert site.complete(batch_id, name="test_connections_to_valkey_cut").ended == {}


def test_valkey_full(site: Site) -> None:
    site.close_gate()
    first = site.hand_in(site.draw())
    folder = site.draw()
    with site.stopped_at_gate(), site.broker().client() as client:
        client.config_set("maxmemory", 1)
        try:
            refused = site.run("submit", folder)
        finally:
            client.config_set("maxmemory", 0)
            site.harmed()
    assert refused.returncode == 3
    assert "the broker does not take messages" in refused.stderr
    assert "maxmemory" in refused.stderr
    [second] = [item.batch for item in site.counts() if item.batch in refused.stderr]  # recorded whole, and said so
    assert site.complete(first).ended == {}
    assert site.complete(second, name="test_valkey_full").ended == {}


def test_valkey_full_while_a_worker_takes_messages(site: Site, work: Work) -> None:
    batch_id = site.record(site.draw())
    site.close_gate()
    site.send()
    with site.broker().client() as client:
        until(site.at_gate, "a worker in the middle of a chunk")
        client.config_set("maxmemory", 1)
        try:
            site.open_gate()
            until(lambda: site.chunks(ChunkState.RUNNING) == 0, "the end of the chunk in hand")
            with pytest.raises(ServiceUnreachable, match="does not take messages"):
                site.record(site.draw(1))
                site.send()
        finally:
            client.config_set("maxmemory", 0)
            site.harmed()
    assert site.complete(batch_id, name="test_valkey_full_while_a_worker_takes_messages").ended == {}
    assert work.process.poll() is None


def message(task: str, body: bytes, content_type: str = "application/json", **headers: object) -> bytes:
    """A message as Celery writes it."""
    given = {"lang": "py", "task": task, "id": str(uuid4()), "argsrepr": "", "kwargsrepr": ""} | headers
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(), "content-encoding": "utf-8", "content-type": content_type,
            "headers": given,
            "properties": {
                "delivery_mode": 2, "delivery_tag": "1", "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": QUEUE},
            },
        }
    ).encode()  # fmt: skip


def test_garbage_in_the_queue(site: Site, work: Work, tmp_path: Path) -> None:
    pickled = f"cposix\nsystem\n(Vtouch {tmp_path / 'unpickled'}\ntR.".encode()
    site.close_gate()
    batch_id = site.record(site.draw())
    restarts, refused = work.said("starting it again"), work.said(" is refused: ")
    chunk = uuid4().hex
    site.push(
        b"\x80\x04garbage",  # ends a Celery process (celery #4308): its supervisor starts it again
        b"{}",
        b'{"body": "bm8=", "headers": {}}',
        message(SCREEN_CHUNK, pickled, "application/x-python-serialize"),
        message("os.system", b'[["Musterfrau"], {}, null]'),
        message(SCREEN_CHUNK, b'[["/ward/Musterfrau.jpg"], {}, null]'),
        message(SCREEN_CHUNK, b'[["%b"], {"patient": "Musterfrau"}, null]' % chunk.encode()),
        message(SCREEN_CHUNK, b"[[5], {}, null]"),
        message(SCREEN_CHUNK, b'[["%b"], {}, null]' % chunk.encode(), shadow="Musterfrau"),
        message(SCREEN_CHUNK, b'[["%b"], {}, null]' % chunk.encode()),  # sound, of no chunk
    )
    site.send()
    site.harmed()
    site.open_gate()
    assert site.complete(batch_id, name="test_garbage_in_the_queue").ended == {}
    until(lambda: site.queue() + site.held_messages() == 0, "an empty queue")
    assert not (tmp_path / "unpickled").exists()
    assert work.process.poll() is None
    assert work.said("starting it again") == restarts + 1
    assert work.said(" is refused: ") >= refused + 6
    assert work.said("Musterfrau") == 0
    assert work.said(f"chunk {chunk}: not due") == 1
