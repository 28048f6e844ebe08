"""The standard streams, such that whoever stops reading them stops no work."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

_NAMES = ("stdin", "stdout", "stderr")  # by file descriptor


class ReaderGone(Exception):
    """Whoever read a long piece of data from stdout (``| head``) wants no more of it. No fault."""


class _Stream(io.FileIO):
    """A standard stream: what its reader does not want any more is dropped, and the work goes on.

    ``needed``: another error, such as a full disk, is raised, once; else a word that cannot be said undoes no work.
    """

    def __init__(self, descriptor: int, *, needed: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._tells = needed
        self.reader_gone = False

    def write(self, data: Any, /) -> int:
        if not self.reader_gone:
            try:
                return super().write(data)
            except BrokenPipeError:
                self.reader_gone = True
            except OSError:
                if self._tells:
                    self._tells = False  # once: Python writes the rest when it ends, and would change the exit code
                    raise
        return memoryview(data).nbytes


def make_safe() -> None:
    """Have stdout and stderr take any text and outlive their readers; those that were closed lead nowhere.

    A full disk behind stdout still raises OSError: its data is what was asked for.
    """
    for name in _NAMES:
        if getattr(sys, name) is None:
            # the lowest free number is that of the stream: no file of ours may get it, which others would write into
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, descriptor < len(_NAMES))
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
    sys.stdout = _safe(sys.stdout, needed=True)
    sys.stderr = _safe(sys.stderr, needed=False)


def reader_gone() -> bool:
    """Whether what goes to stdout reaches nobody any more."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, _Stream) and raw.reader_gone


def _safe(stream: TextIO, *, needed: bool) -> TextIO:
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # in memory
        descriptor = -1
    if descriptor < 0 or not isinstance(stream, io.TextIOWrapper):
        return stream  # of a program that called us
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Stream(descriptor, needed=needed)),
        encoding=stream.encoding,
        errors="backslashreplace",  # a file's name that the terminal's encoding lacks
        # PYTHONUNBUFFERED asks for write_through, which would reach our own buffer and wait there
        line_buffering=stream.line_buffering or stream.write_through,
    )
