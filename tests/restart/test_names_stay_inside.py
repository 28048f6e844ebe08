"""Neither Valkey nor a worker's log ever holds the name of a file, whatever becomes of it."""

from __future__ import annotations

import base64
import json

from harm.pictures import SEGFAULT, draw_many
from harm.site import Site
from harm.ward import until
from harm.work import Work
from storage.states import BatchState

WHO = "Musterfrau-Erika-1961"


def test_neither_queue_nor_log_knows_a_name(site: Site, work: Work) -> None:
    """Sound files, broken ones, links, one that changes, and one that kills its worker; all with a patient's name."""
    folder = draw_many(site.home / "pictures" / WHO, 8, {5: SEGFAULT})
    for path in sorted(folder.iterdir()):
        path.rename(folder / f"{WHO}-{path.name}")
    (folder / f"{WHO}-broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (folder / f"{WHO}-link.png").symlink_to(folder / "nowhere")
    site.close_gate()
    batch_id = site.record(folder)
    (folder / f"{WHO}-00002.png").write_bytes(b"changed")
    (folder / f"{WHO}-00003.png").unlink()
    site.send()
    kept = site.home / "valkey"
    with site.broker().client() as client:
        keys = list(client.scan_iter())
        assert keys and [key for key in keys if WHO.encode() in key] == []
        bodies = [item for key in keys if client.type(key) == b"list" for item in client.lrange(key, 0, -1)]
        bodies += [item for key in keys if client.type(key) == b"hash" for item in client.hvals(key)]
        assert bodies  # in the queue, or held by the worker at the gate
        for body in bodies:
            told = json.loads(body) if body.startswith(b"{") else json.loads(body)[0]
            assert WHO.encode() not in body + base64.b64decode(told["body"])
    site.open_gate()
    until(lambda: site._state(batch_id) == BatchState.COMPLETE, "the end of the batch")
    told = [path for path in kept.rglob("*") if path.is_file() and WHO.encode() in path.read_bytes()]
    told += [path for path in (site.home / "logs").iterdir() if WHO.encode() in path.read_bytes()]
    assert told == []
    assert any(path.stat().st_size for path in kept.rglob("*.aof"))
    assert work.said("starting it again") or work.said("Worker exited") or work.said("signal 11")
