"""The rights of the application's role in PostgreSQL: it may add to what proves, and change only what moves on."""

from __future__ import annotations

from storage.audit.triggers import APPEND_ONLY
from storage.schema import Base


def grants(role: str) -> list[str]:
    """The statements, without semicolons. None of our tables may be truncated, none that proves be updated."""
    quoted = '"' + role.replace('"', '""') + '"'
    names = sorted(Base.metadata.tables)
    moving = [name for name in names if name not in APPEND_ONLY]
    everything = ", ".join([*names, "alembic_version"])
    return [
        f"REVOKE ALL ON {everything} FROM {quoted}",
        f"GRANT SELECT ON {everything} TO {quoted}",
        f"GRANT INSERT ON {', '.join(names)} TO {quoted}",
        f"GRANT UPDATE ON {', '.join(moving)} TO {quoted}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}",
    ]
