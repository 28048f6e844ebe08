"""The names of the active model version and of its shadow, for commands that change nothing."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.settings import Settings


def active_name(settings: Settings) -> str:
    """Name of the model version that screens new batches: the first of `names`."""
    return names(settings)[0]


def names(settings: Settings) -> tuple[str, str | None]:
    """Names of the model version that screens new batches, and of the one in its shadow, if any.

    Where the database is not there yet, or not of this release, the shipped one is named; nothing is made or
    upgraded. Raises ServiceUnreachable when it does not answer.
    """
    import os

    from models.catalogue import DEFAULT_MODEL
    from storage.database import Database, url_of
    from storage.migrate import revision
    from storage.migrations import HEAD
    from storage.registry import MODEL, active_model, shadow_model

    if settings.embedded_database and not (settings.home / "dermscreen.db").exists():
        return os.environ.get(MODEL) or DEFAULT_MODEL, None
    with closing(Database(url_of(settings))) as database:
        if revision(database) != HEAD:
            return os.environ.get(MODEL) or DEFAULT_MODEL, None
        with database.read() as session:
            return active_model(session), shadow_model(session)
