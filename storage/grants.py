"""The rights of the application's role in PostgreSQL: it may add to what proves, and change only what moves on."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, text

from models.errors import UsageFault
from storage.audit.triggers import APPEND_ONLY
from storage.schema import Base

LONGEST_ROLE = 63  # bytes; PostgreSQL cuts a longer name short, and it may be another's then


def grants(role: str) -> list[str]:
    """The statements, without semicolons. None of our tables may be truncated, none that proves be updated.

    Raises UsageFault for a name that no role can have, such as that of a variable of the shell that is empty.
    """
    if not 0 < len(role.encode("utf-8", "replace")) <= LONGEST_ROLE or not role.isprintable():
        raise UsageFault(f"ROLE: expected the name of a PostgreSQL role, 1 to {LONGEST_ROLE} bytes, received {role!r}")
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


@dataclass(frozen=True)
class Right:
    """What a role may do with a table, or with the sequence of one. Names are quoted as SQL needs them."""

    relation: str
    privilege: str
    role: str
    to_pass_on: bool


def rights(connection: Connection, tables: list[str]) -> set[Right]:
    """The rights that others than we have on these tables and their sequences; none in SQLite, which has no roles.

    Rights on single columns are not among them.
    """
    if connection.dialect.name != "postgresql":
        return set()
    return {Right(*row) for row in connection.execute(_RIGHTS, {"tables": tables})}


def give_back(connection: Connection, tables: list[str], before: set[Right]) -> None:
    """Have the rights on these tables be the same as before they were made anew, whatever new tables get by default."""
    now = rights(connection, tables)
    for right in now - before:
        connection.execute(_literal(f"REVOKE {right.privilege} ON {right.relation} FROM {right.role}"))
    for right in before - now:
        passing_on = " WITH GRANT OPTION" if right.to_pass_on else ""
        connection.execute(_literal(f"GRANT {right.privilege} ON {right.relation} TO {right.role}{passing_on}"))


def _literal(statement: str) -> TextClause:
    return text(statement.replace(":", "\\:"))  # a colon in the name of a role begins no parameter


# acldefault: where nobody was granted anything, whose table it was has every right
_RIGHTS = text("""
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || quote_ident(c.relname), acl.privilege_type,
        CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END, acl.is_grantable
    FROM pg_class AS c
    CROSS JOIN aclexplode(coalesce(c.relacl,
        acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner))) AS acl
    WHERE c.relkind IN ('r', 'S') AND pg_table_is_visible(c.oid)
    AND acl.grantee <> quote_ident(current_user)::regrole::oid
    AND (c.relname = ANY (:tables) OR EXISTS (
        SELECT 1 FROM pg_depend AS d JOIN pg_class AS t ON t.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.deptype IN ('a', 'i') AND t.relname = ANY (:tables)))
""")
