"""Which model versions are at hand: those shipped with the package and those of the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from models.errors import ModelInvalid
from models.version import ModelVersion, open_version

SHIPPED = Path(__file__).with_name("versions")
DEFAULT_MODEL = "lite2-4"


def folders(home: Path) -> Iterator[Path]:
    """Folders of model versions, shipped ones first, by name."""
    for parent in (SHIPPED, home / "models"):
        if parent.is_dir():
            yield from sorted(p for p in parent.iterdir() if (p / "manifest.json").is_file())


def opened(folder: Path) -> ModelVersion:
    """The model version of a folder at hand. Raises ModelInvalid when its manifest is broken or has another name."""
    version = open_version(folder)
    if version.name != folder.name:  # batches and predictions are kept under the manifest's name
        raise ModelInvalid(f"the folder {folder} holds the model {version.name!r}; give both one name")
    return version


def find(name: str, home: Path) -> ModelVersion:
    """The model version of a name. Raises ModelInvalid when it is missing or its manifest is broken."""
    for folder in folders(home):
        if folder.name == name:
            return opened(folder)
    known = ", ".join(folder.name for folder in folders(home)) or "none"
    raise ModelInvalid(f"no model version {name!r} (at hand: {known}); see `screen model list`")
