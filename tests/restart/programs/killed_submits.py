"""`screen submit FOLDER` again and again, each time killed at a random moment: ``FOLDER TIMES SEED``.

The program imports once and each `submit` is a fork of it, so that the moments fall into the work and not into the
imports. Prints how many were killed and how many came to their end.
"""

import json
import os
import random
import signal
import sys
import time

import storage.migrate  # noqa: F401 - imported before the clock runs
from cli.main import run

folder, times, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)


def submit() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(run(["submit", folder]))
    return pid


started = time.monotonic()
os.waitpid(submit(), 0)
whole = time.monotonic() - started
killed = 0
for _ in range(times):
    pid = submit()
    time.sleep(chance.uniform(0, whole))
    os.kill(pid, signal.SIGKILL)
    killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
print(json.dumps({"killed": killed, "ended": times + 1 - killed}))
