"""`screen`, whose worker has a stub in the network's place: ``python stubbed_screen.py ARGUMENTS``."""

import sys
from pathlib import Path

import harmed  # noqa: F401 - harms this process before anything else runs

from cli.main import main

if sys.argv[1:2] == ["worker"]:
    from worker import supervisor

    supervisor.PROGRAM = (str(Path(__file__).with_name("stubbed_worker.py")),)
main()
