"""Harm that must be in a process from its start on: a wrong clock, a full disk. Import this before anything else."""

import os
import resource
import time

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a decoder that segfaults leaves no core behind

if _ahead := float(os.environ.get("HARM_CLOCK_AHEAD", "0")):
    _right = time.time
    time.time = lambda: _right() + _ahead

if _bytes := int(os.environ.get("HARM_FILE_BYTES", "0")):
    resource.setrlimit(resource.RLIMIT_FSIZE, (_bytes, resource.RLIM_INFINITY))

if _busy := int(os.environ.get("HARM_BUSY_MS", "0")):  # a shorter patience with locks than the 30 s of the product
    from storage import database

    database.BUSY_TIMEOUT_MS = _busy
