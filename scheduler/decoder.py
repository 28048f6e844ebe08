"""Decoding in a process of its own, ``python -P -m scheduler.decoder``: a picture that kills it harms nobody else.

For whoever takes pictures in and must go on, whatever they do to a decoder. Pixels are thrown away: what is asked is
whether there is anything against a picture.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.errors import ImageRefused, PassingFault

PROGRAM = ("-P", "-m", "scheduler.decoder")
START_SECONDS = 60.0  # it loads Pillow and NumPy
DECODE_SECONDS = 60.0  # of one picture; the largest takes about two
END_SECONDS = 5.0  # until a process that should end by itself is ended
TRIES = 2  # of a picture: the first process may have died of something else
_READY = b"ready\n"
_STDIN, _STDERR = 0, 2  # file descriptors: `sys.stderr` may be a test's


class _Died(Exception):
    """The process ended, or was ended, before it answered; the text says how."""


class Decoder:
    """Decodes one picture after the other. Use as a context manager: the process ends with the block.

    It starts with the first picture, and anew behind one that killed it.
    """

    def __init__(self) -> None:
        self._process: _Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None

    def check(self, data: bytes, suffix: str) -> None:
        """Decode a file completely. ``suffix``: the extension of its name with the dot, or "".

        Raises ImageRefused as `models.decoding.decode`, and for a picture that the process does not outlive;
        PassingFault when there can be no such process now.
        """
        how = ""
        for _ in range(TRIES):
            self._process = self._process or _start()
            try:
                self._process.send(json.dumps([len(data), suffix]).encode() + b"\n", data)
                refused = json.loads(self._process.answer(DECODE_SECONDS))
            except _Died as died:
                self._process, how = None, str(died)
                continue
            if refused is not None:
                raise ImageRefused(refused)
            return
        raise ImageRefused(f"unreadable: its decoder ended without an answer, {TRIES} times ({how})")


@dataclass(frozen=True)
class _Process:
    process: subprocess.Popen[bytes]
    talk: socket.socket

    def send(self, *parts: bytes) -> None:
        with suppress(OSError):  # then there is no answer either
            for part in parts:
                self.talk.sendall(part)

    def answer(self, seconds: float) -> bytes:
        """The next line. Raises _Died, and then it has ended."""
        self.talk.settimeout(seconds)
        line = b""
        try:
            while not line.endswith(b"\n") and (part := self.talk.recv(1 << 16)):
                line += part
        except TimeoutError:
            self.process.kill()
            self.end()
            raise _Died(f"none for {seconds:.0f} s") from None
        except OSError:  # it died with a part of the picture unread
            line = b""
        if not line.endswith(b"\n"):
            raise _Died(_how(self.end()))
        return line

    def end(self) -> int:
        """End it; returns its exit code, negative for the signal that it died of."""
        self.talk.close()  # it reads that nothing more will come, if it has not died
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _start() -> _Process:
    """Raises PassingFault."""
    ours, its = socket.socketpair()
    try:
        with its:
            started = subprocess.Popen(
                [sys.executable, *PROGRAM],
                stdin=its.fileno(),
                stdout=_STDERR,  # what a library prints is talk
                start_new_session=True,  # Ctrl-C is for whoever asks
            )
    except OSError as error:
        ours.close()
        raise PassingFault(f"no process for decoding can be started: {error.strerror}") from error
    process = _Process(started, ours)
    try:
        process.answer(START_SECONDS)
    except _Died as died:  # no picture's fault
        raise PassingFault(f"the process for decoding does not start ({died})") from died
    process.talk.settimeout(DECODE_SECONDS)
    return process


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def main() -> None:
    """Answer for each picture on stdin, a socket, with a line of JSON: why it is refused, or null."""
    from models.decoding import decode

    with suppress(OSError):  # Linux: where memory runs out this process is the one to go
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.write(_STDIN, _READY)
    while line := sys.stdin.buffer.readline():
        size, suffix = json.loads(line)
        refused = None
        try:
            decode(sys.stdin.buffer.read(size), suffix)
        except ImageRefused as refusal:
            refused = str(refusal)
        os.write(_STDIN, json.dumps(refused).encode() + b"\n")


if __name__ == "__main__":
    main()
