"""Alembic's migrations. ``screen db upgrade`` runs them; a fresh database is made by them too."""

HEAD = "0010"  # the newest revision, so that a current database is recognised without importing alembic
