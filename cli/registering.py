"""Putting a model version into the data folder, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.manifest import Manifest
    from models.version import ModelVersion
    from storage.settings import Settings


def expect_whole(version: ModelVersion) -> None:
    """Compare every file with its checksum in the manifest, and read the split. Raises ModelInvalid."""
    from models.evaluation.parts import known_images

    version.verify()
    known_images(version)


def expect_usable(version: ModelVersion) -> None:
    """What a worker would find out with images waiting: can this release screen with the version?

    A version that is not shipped is put together once, which takes the seconds that TensorFlow takes to start.

    Raises ModelInvalid when a file is not that of its manifest, when this release has not its architecture or its
    preprocessing, or when its weights or its distribution do not fit the architecture.
    """
    from models.catalogue import SHIPPED
    from models.errors import ModelInvalid
    from models.networks.architectures import ARCHITECTURES
    from models.preprocessing import preprocessing

    expect_whole(version)
    preprocessing(version.manifest.preprocessing)
    if (received := version.manifest.architecture) not in ARCHITECTURES:
        raise ModelInvalid(
            f"model {version.name}: expected an architecture that this release knows "
            f"({', '.join(sorted(ARCHITECTURES))}), received {received!r}; install the release that "
            "the model version was made with"
        )
    if version.folder.parent != SHIPPED:
        from models.networks.loaded import load

        load(version)


def register(folder: Path, settings: Settings, actor: str) -> Manifest:
    """Copy a model version into DERMSCREEN_HOME/models and note it on the audit chain.

    Raises ModelInvalid when it is not what its manifest says, UsageFault when its name is taken by one that gives
    other probabilities.
    """
    from cli.output import talk
    from models.catalogue import SHIPPED
    from models.errors import UsageFault
    from models.version import open_version
    from models.whole_file import put_in_place
    from storage.migrate import open_database
    from storage.registry import record_registration

    version = open_version(folder)
    expect_usable(version)
    name = version.name
    for taken in (SHIPPED / name, settings.home / "models" / name):
        if (taken / "manifest.json").is_file():
            other = open_version(taken).manifest
            ours = version.manifest.scoring
            if what := [words for words, value in other.scoring.items() if value != ours[words]]:
                raise UsageFault(
                    f"there is another model version {name!r} with other {', '.join(what)}; a name never changes its "
                    "meaning: give yours a new one in its manifest.json"
                )
            if other.raw != version.manifest.raw:
                talk(
                    f"There is a {name} already that gives the same probabilities. It stays as it is: the operating "
                    "points and numbers are its own, not those of this folder."
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
        for file in version.files:
            if (folder / file).is_file():
                shutil.copyfile(folder / file, copy / file)
        expect_whole(open_version(copy))  # the bytes that were copied, not those that lay there before
        with database.write() as session:
            record_registration(session, version.manifest, actor)
            put_in_place(copy, models / name)
    return version.manifest
