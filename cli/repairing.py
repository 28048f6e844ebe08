"""Putting the damaged files of a model version in the data folder right again."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.version import ModelVersion
    from storage.settings import Settings


def repair(installed: ModelVersion, good: ModelVersion, settings: Settings, actor: str) -> list[str]:
    """Replace each damaged file by that of ``good``, and note it on the audit chain; return what was damaged.

    The manifest stays, and its checksums decide: every new byte is compared with them before the first file is touched,
    and each file takes its name whole. Raises ModelInvalid when ``good`` has another file than the manifest asks for.
    """
    from models.checksum import sha256_hex
    from models.errors import ModelInvalid
    from models.whole_file import write_whole
    from storage.migrate import open_database
    from storage.registry import record_repair

    parts = installed.damaged()
    files: dict[str, bytes] = {}
    for part in parts:
        file, expected = installed.sealed[part]
        data = _bytes(good, part)
        if data is None or sha256_hex(data) != expected:
            raise ModelInvalid(
                f"the model version {installed.name!r} in the data folder is damaged ({part}), and this folder cannot "
                f"repair it: expected SHA-256 {expected}, received {sha256_hex(data) if data else 'none'}; register "
                f"the folder that it came from, or move {installed.folder} away and register again"
            )
        files[file] = data
    if parts:
        with closing(open_database(settings)) as database, database.write() as session:
            record_repair(session, installed.manifest, parts, actor)
            for file, data in files.items():
                write_whole(installed.folder / file, data)
    return parts


def _bytes(version: ModelVersion, part: str) -> bytes | None:
    """The bytes of a part, whatever its file is called there; None where the version has none."""
    if part not in version.sealed:
        return None
    try:
        return (version.folder / version.sealed[part][0]).read_bytes()
    except OSError:
        return None
