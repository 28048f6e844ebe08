"""The loop of `screen watch`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from cli.exit_codes import ExitCode
from cli.output import data, data_json, talk
from cli.unjudged import say_what_to_read
from cli.waiting import worker_while_needed
from models.errors import PassingFault

if TYPE_CHECKING:
    from cli.troubles import Troubles
    from scheduler.inbox import Inbox
    from storage.counts import Counts
    from storage.database import Database

POLL_SECONDS = 0.2
LISTEN_AGAIN_SECONDS = 5.0


def watch(inbox: Inbox, rescan_seconds: float, once: bool, as_json: bool) -> ExitCode:
    """Watch an inbox until interrupted, or with ``once`` until it is empty and its batches are complete.

    Only with ``once`` does the exit code tell of images that were not scored. Raises PassingFault when with ``once``
    another process watches it, or files cannot be moved out of it.
    """
    import time

    from scheduler.broker import connect
    from scheduler.celery_app import make_app
    from scheduler.dispatch import send_due
    from scheduler.intake import active_manifest
    from scheduler.one_watcher import OneWatcher
    from storage.migrate import open_database
    from storage.report import NOTICE
    from storage.settings import from_environment

    settings = from_environment()
    alone = OneWatcher(inbox.folder, settings)
    if once:
        alone.hold()
    database = open_database(settings)
    active_manifest(database, settings)
    broker = connect(settings)
    app = make_app(broker)
    talk(f"Watching {inbox.folder}. Ctrl-C stops it.")
    talk(NOTICE)
    waiting: list[str] = []
    looked, told, unscored = 0.0, 0, 0
    try:
        with worker_while_needed(settings, database, broker) as keeper, _Announcements(inbox) as announced:
            troubles = keeper.troubles
            while True:
                if announced.is_set() or time.monotonic() - looked >= rescan_seconds:
                    announced.clear()
                    looked = time.monotonic()
                    with troubles.passing("inbox"):
                        alone.hold()
                        taken = inbox.take(database, settings)
                        for batch_id in taken:
                            talk(f"Batch {batch_id} is recorded.")
                        waiting += taken
                        troubles.note("folders", _unreadable(inbox))
                        told = _tell_of_what_stays(inbox, troubles, told)
                        send_due(database, app)
                with troubles.passing("batches"):
                    for total in _complete(database, waiting):
                        unscored += _tell(total, as_json)
                keeper.tick(needed=bool(waiting))
                if once and not waiting and _nothing_is_left(inbox, troubles):
                    break
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        talk("Stopped watching; what was recorded stays recorded.")
        if once:
            return ExitCode.INTERRUPTED  # whoever asked for an end with its results has none
    finally:
        database.close()
        alone.let_go()
    return ExitCode.DONE_WITH_REJECTS if once and unscored else ExitCode.DONE


def _complete(database: Database, waiting: list[str]) -> list[Counts]:
    """The numbers of the batches that are complete, which are waited for no longer."""
    from storage.counts import counts

    with database.read() as session:
        totals = [counts(session, batch_id) for batch_id in waiting]
    done = [total for total in totals if total.state == "complete"]
    waiting[:] = [total.batch for total in totals if total not in done]
    return done


def _tell(total: Counts, as_json: bool) -> int:
    """What became of a batch; returns how many images of it were not scored.

    Every outcome has its number: without that of the review, 0 flagged would read as an all-clear.
    """
    if as_json:
        data_json(total.as_json())
    else:
        outcomes = f"{total.flagged} flagged, {total.review} for review, {total.clear} clear"
        data(f"batch {total.batch}: {outcomes}; {total.equation}")
    say_what_to_read(total)
    return total.rejected + total.failed


def _nothing_is_left(inbox: Inbox, troubles: Troubles) -> bool:
    """Whether all that can be taken is. Raises PassingFault when files are left that cannot be moved out."""
    empty = False
    with troubles.passing("end"):
        empty = not troubles.at("inbox") and inbox.empty()
    if empty and inbox.stuck:
        raise PassingFault(inbox.stuck)
    return empty


def _unreadable(inbox: Inbox) -> str:
    return f"folders in the inbox that cannot be read: {inbox.unreadable}" if inbox.unreadable else ""


def _tell_of_what_stays(inbox: Inbox, troubles: Troubles, told: int) -> int:
    """Returns how many reasons that lie in the inbox were told of; it is said when that changes."""
    troubles.note("stuck", inbox.stuck)
    if inbox.reasons not in (0, told):
        talk(f"Reasons of earlier rejections in the inbox passed over (.reason.txt): {inbox.reasons}.")
    return inbox.reasons


class _Announcements:
    """Sets an event when the operating system announces a change; the periodic rescan does not depend on it."""

    def __init__(self, inbox: Inbox) -> None:
        self._folder = inbox.folder
        self._changed, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> threading.Event:
        self._thread.start()
        return self._changed

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _listen(self) -> None:
        import watchfiles

        while not self._stop.is_set():
            try:
                for _ in watchfiles.watch(self._folder, stop_event=self._stop, rust_timeout=500, raise_interrupt=False):
                    self._changed.set()
            except Exception:
                # a name that is not UTF-8, or a system without announcements: the rescan finds what there is
                self._changed.set()
                self._stop.wait(LISTEN_AGAIN_SECONDS)
