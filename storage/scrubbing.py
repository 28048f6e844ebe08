"""What was deleted from a SQLite database still lies in its file; here it is written anew without it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from storage.database import BUSY_TIMEOUT_MS, Database


def scrub(database: Database) -> str | None:
    """Write the file of the database anew and empty its write-ahead log. Returns what is left to do; None: nothing.

    SQLite marks the place of a deleted or changed row as free and leaves its bytes there, in free pages, in gaps of
    used ones and in the log; ``secure_delete`` alone misses copies that earlier changes of the row left behind.
    Whoever writes waits meanwhile (a few seconds for a million images), whoever reads does not.
    https://sqlite.org/lang_vacuum.html, https://sqlite.org/pragma.html#pragma_secure_delete
    """
    if database.engine.dialect.name != "sqlite":
        return (
            "PostgreSQL keeps the old rows in its files: have the owner of the tables run `VACUUM FULL images`; "
            "its archived write-ahead log and its own backups hold them until they are deleted"
        )
    again = "give the command again when nobody writes or reads"
    path = database.engine.url.database or ""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("VACUUM")
            blocked = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        return f"the file of the database still holds deleted bytes ({error}): {again}"
    return f"the write-ahead log of the database still holds deleted bytes: {again}" if blocked else None
