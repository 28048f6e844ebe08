"""The worker process as it is shipped, with a stub in the network's place and a decoder that some files harm."""

import ctypes
import resource
from pathlib import Path
from typing import Any

import harmed  # noqa: F401 - harms this process before anything else runs
from stub_network import StubNetwork

from models.decoding import decode
from worker import screening
from worker.__main__ import main

ROOM = 64 * 2**20  # bytes that a decoder may still take when it meets a file that wants far more


def decode_or_harm(data: bytes, *arguments: Any, **options: Any) -> Any:
    if b"harm:segfault" in data:
        ctypes.string_at(0)
    if b"harm:memory" in data:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, before[1]))
        try:
            bytearray(64 * ROOM)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)
    return decode(data, *arguments, **options)


screening.decode = decode_or_harm
main(StubNetwork)
