"""The faults of a soak. Each is done at once; what has to be undone is undone after a while."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
from collections.abc import Callable
from contextlib import suppress

import redis

from harm.site import WEIGHTS, Site
from harm.work import Work

Undo = Callable[[], object] | None
Fault = Callable[[Site, Work, random.Random], Undo]

FULL_BYTES = 0
UNLIMITED = resource.RLIM_INFINITY


def process_that_screens_killed(_: Site, work: Work, __: random.Random) -> Undo:
    if len(work.processes) > 2:
        os.kill(work.processes[-1], signal.SIGKILL)


def celery_process_killed(_: Site, work: Work, __: random.Random) -> Undo:
    os.kill(work.celery, signal.SIGKILL)


def whole_worker_killed(_: Site, work: Work, __: random.Random) -> Undo:
    work.send(signal.SIGKILL)


def stopped_for_longer_than_the_lease(_: Site, work: Work, __: random.Random) -> Undo:
    processes = work.processes
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)

    def go_on() -> None:
        for pid in processes:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    return go_on


def valkey_killed(site: Site, _: Work, __: random.Random) -> Undo:
    with site.broker().client() as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)


def valkey_wiped(site: Site, _: Work, __: random.Random) -> Undo:
    with site.broker().client() as client:
        client.flushall()


def connections_to_valkey_cut(site: Site, _: Work, __: random.Random) -> Undo:
    with site.broker().client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def valkey_full(site: Site, _: Work, __: random.Random) -> Undo:
    def limit(memory: int) -> None:
        with site.broker().client() as client:
            client.config_set("maxmemory", memory)

    limit(1)
    return lambda: limit(0)


def garbage_in_the_queue(site: Site, _: Work, chance: random.Random) -> Undo:
    site.push(chance.choice([b"\x80\x04garbage", b"{}", b'{"body": "bm8=", "headers": {}}']))


def sqlite_locked(site: Site, _: Work, __: random.Random) -> Undo:
    writer = sqlite3.connect(site.home / "dermscreen.db", isolation_level=None, timeout=30)
    writer.execute("BEGIN IMMEDIATE")
    return writer.close


def disk_full_for_a_worker(_: Site, work: Work, __: random.Random) -> Undo:
    processes = work.processes

    def limit(size: int) -> None:
        for pid in processes:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))

    limit(FULL_BYTES)
    return lambda: limit(UNLIMITED)


def weights_swapped(site: Site, work: Work, chance: random.Random) -> Undo:
    site.weights.write_bytes(b"others")
    process_that_screens_killed(site, work, chance)
    return lambda: site.weights.write_bytes(WEIGHTS)


FAULTS: tuple[Fault, ...] = (
    process_that_screens_killed,
    celery_process_killed,
    whole_worker_killed,
    stopped_for_longer_than_the_lease,
    valkey_killed,
    valkey_wiped,
    connections_to_valkey_cut,
    valkey_full,
    garbage_in_the_queue,
    sqlite_locked,
    disk_full_for_a_worker,
    weights_swapped,
)
PASSING = (redis.RedisError, ProcessLookupError, sqlite3.OperationalError)  # a fault that met another fault
