"""Putting a model version into the data folder, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.manifest import Manifest
    from storage.settings import Settings


def register(folder: Path, settings: Settings, actor: str) -> Manifest:
    """Copy a model version into DERMSCREEN_HOME/models and note it on the audit chain.

    Raises ModelInvalid when it is not what its manifest says, UsageFault when its name is taken by one that gives
    other probabilities.
    """
    from models.catalogue import SHIPPED
    from models.errors import UsageFault
    from models.version import open_version
    from models.whole_file import put_in_place
    from storage.migrate import open_database
    from storage.registry import record_registration

    version = open_version(folder)
    version.verify()
    name = version.name
    for taken in (SHIPPED / name, settings.home / "models" / name):
        if (taken / "manifest.json").is_file():
            other = open_version(taken).manifest
            if other.scoring != version.manifest.scoring:
                what = "weights" if other.weights_sha256 != version.manifest.weights_sha256 else "calibration or views"
                raise UsageFault(
                    f"there is another model version {name!r} with other {what}; a name never changes its meaning: "
                    "give yours a new one in its manifest.json"
                )
            return other
    models = settings.home / "models"
    settings.make_home()
    models.mkdir(exist_ok=True, mode=0o700)
    with (
        closing(open_database(settings)) as database,
        tempfile.TemporaryDirectory(prefix=".register-", dir=models) as partial,
    ):
        copy = Path(partial) / name
        copy.mkdir()
        for file in (*version.files, "split.csv"):
            if (folder / file).is_file():
                shutil.copyfile(folder / file, copy / file)
        open_version(copy).verify()  # the bytes that were copied, not those that lay there before
        with database.write() as session:
            record_registration(session, version.manifest, actor)
            put_in_place(copy, models / name)
    return version.manifest
