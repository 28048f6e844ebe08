"""`screen db`."""

from __future__ import annotations

from cli.groups import group

command = group("db", "The database.\n\n\b\nExample:\n  screen db upgrade", ["upgrade", "backup", "restore", "grants"])
