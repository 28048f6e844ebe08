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
        from worker.networks import load_network

        load_network(version)


def register(folder: Path, settings: Settings, actor: str) -> Manifest:
    """Copy a model version into DERMSCREEN_HOME/models and note it on the audit chain.

    One that is there already and gives the same probabilities stays; its damaged files are replaced by those of this
    folder. Raises ModelInvalid when a version is not what its manifest says and cannot be repaired from this folder, or
    the site's records have its name with other weights, of another host that shares the database, say; UsageFault when
    the name is taken here by one that gives other probabilities.
    """
    from models.catalogue import SHIPPED
    from models.version import open_version
    from models.whole_file import put_in_place
    from storage.migrate import open_database
    from storage.registry import record_registration

    version = open_version(folder)
    expect_usable(version)
    name, models = version.name, settings.home / "models"
    if (SHIPPED / name / "manifest.json").is_file():
        return _kept(open_version(SHIPPED / name), version, settings, actor)
    if (models / name).is_dir() and any((models / name).iterdir()):
        return _kept(_installed(models / name), version, settings, actor)
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


def _installed(folder: Path) -> ModelVersion:
    """What lies in the data folder. Raises ModelInvalid that says what to do where its manifest is lost."""
    from models.catalogue import opened
    from models.errors import ModelInvalid

    try:
        return opened(folder)
    except ModelInvalid as error:
        raise ModelInvalid(
            f"there is a {folder.name} in the data folder that cannot be read ({error}); move {folder} away, then "
            "register again"
        ) from error


def _kept(there: ModelVersion, version: ModelVersion, settings: Settings, actor: str) -> Manifest:
    """The version that has the name already, whole. Raises as `register` does."""
    from cli.output import talk
    from cli.repairing import repair
    from models.catalogue import SHIPPED
    from models.errors import ModelInvalid, UsageFault
    from storage.migrate import open_database
    from storage.name_on_record import expect_same_weights

    ours, name = version.manifest.scoring, there.name
    if what := [words for words, value in there.manifest.scoring.items() if value != ours[words]]:
        raise UsageFault(
            f"there is another model version {name!r} with other {', '.join(what)}; a name never changes its "
            "meaning: give yours a new one in its manifest.json"
        )
    with closing(open_database(settings)) as database, database.read() as session:
        expect_same_weights(session, version.manifest)
    if there.folder.parent != SHIPPED:
        if parts := repair(there, version, settings, actor):
            talk(
                f"The {name} in the data folder was damaged ({', '.join(parts)}): it is whole again, with the files of "
                "this folder."
            )
    elif parts := there.damaged():
        raise ModelInvalid(
            f"the {name} of this release is damaged ({', '.join(parts)}), and nothing is screened with it; install the "
            "release anew"
        )
    expect_whole(there)
    if there.manifest.raw != version.manifest.raw:
        talk(
            f"There is a {name} already that gives the same probabilities. It stays as it is: the operating "
            "points and numbers are its own, not those of this folder."
        )
    return there.manifest
