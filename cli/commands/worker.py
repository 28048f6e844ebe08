"""`screen worker`: screen what is queued."""

from __future__ import annotations

import click

from cli.device_option import device_option


@click.command("worker")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when the worker stops.")
def command(device: str, as_json: bool) -> None:
    """Screen queued images until stopped (Ctrl-C or SIGTERM).

    Stopping finishes the chunk in hand, or hands it back where that takes longer than 40 s; asked a second time,
    it hands it back at once. The exit code is 0 either way. A worker whose weights do not have the checksum of
    their manifest refuses to start (exit code 4).

    \b
    Example:
      screen worker
      screen worker --device cpu
    """
    import logging
    import time

    from cli import output
    from cli.stopping import counted_stops
    from cli.waiting import POLL_SECONDS
    from scheduler.broker import connect
    from storage.migrate import open_database
    from storage.settings import from_environment
    from worker.supervisor import Supervisor

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = from_environment()
    with counted_stops() as requests:
        database = open_database(settings)
        broker = connect(settings)
        started = time.monotonic()
        supervisor = Supervisor(settings, database, broker, device)
        try:
            supervisor.start()
            output.talk(f"Worker on {supervisor.device}, broker {broker.shown_url}. Ctrl-C stops it.")
            while not requests.asked:
                supervisor.tick()
                time.sleep(POLL_SECONDS)
            output.talk("Stopping: the chunk in hand is finished. Ask again to hand it back at once.")
        finally:
            supervisor.stop(requests.insisted())
    if as_json:
        output.data_json({"worker": supervisor.worker_id, "seconds": round(time.monotonic() - started, 3)})
