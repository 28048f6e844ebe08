"""Lines that TensorFlow writes while it is loaded, whatever its log level says.

TensorFlow 2.21 says through absl, before a log level is read, that oneDNN is on: twice, in every command that loads a
network. ``TF_CPP_MIN_LOG_LEVEL`` does not reach these lines, and ``TF_ENABLE_ONEDNN_OPTS=0``, which does, changes the
numbers and the speed. So stderr goes through a filter for as long as the import takes, and all other lines pass at
once: the filter is a process of its own, so that the last words of a process that is killed by its import (a processor
without AVX) are seen too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NOISE = ("oneDNN custom operations are on.", "All log messages before absl::InitializeLog() is called")

STDERR = 2
SECONDS = 5  # for the filter to end; it goes on for a child that inherited its pipe

_FILTER = """
import sys
noise = [words.encode() for words in sys.argv[1:]]
for line in sys.stdin.buffer:
    if not any(words in line for words in noise):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""


@contextmanager
def without_noise() -> Iterator[None]:
    """Keep the lines of NOISE off stderr. Without a stderr, or a way to start a process, nothing is kept off."""
    try:
        kept = os.dup(STDERR)
    except OSError:
        yield
        return
    try:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        filtering = _start()
        try:
            yield
        finally:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(kept, STDERR)
            if filtering is not None:
                with suppress(subprocess.TimeoutExpired):
                    filtering.wait(SECONDS)
    finally:
        os.close(kept)


def _start() -> subprocess.Popen[bytes] | None:
    """The filter, with stderr turned into its pipe; None where it cannot be started."""
    outlet, inlet = os.pipe()
    try:
        filtering = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _FILTER, *NOISE],
            stdin=outlet,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the command, whose last words must still pass
        )
        os.dup2(inlet, STDERR)
    except (OSError, ValueError):
        return None
    finally:
        os.close(outlet)
        os.close(inlet)
    return filtering
