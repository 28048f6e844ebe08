"""Neither Valkey nor a worker's log ever holds the name of a file, whatever becomes of it."""

from __future__ import annotations

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
        assert [key for key in client.keys() if WHO.encode() in key] == []
        for key in client.keys("*screening"):
            assert client.type(key) != b"list" or WHO.encode() not in b"".join(client.lrange(key, 0, -1))
    site.open_gate()
    until(lambda: site._state(batch_id) == BatchState.COMPLETE, "the end of the batch")
    told = [path for path in kept.rglob("*") if path.is_file() and WHO.encode() in path.read_bytes()]
    told += [path for path in (site.home / "logs").iterdir() if WHO.encode() in path.read_bytes()]
    assert told == []
    assert any(path.stat().st_size for path in kept.rglob("*.aof"))
    assert work.said("starting it again") or work.said("Worker exited") or work.said("signal 11")
