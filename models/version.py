"""A model version on disk: a folder with ``manifest.json`` and ``weights.safetensors``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.checksum import sha256_hex
from models.errors import ModelInvalid
from models.manifest import Manifest, SplitEntry, parse


@dataclass(frozen=True)
class ModelVersion:
    """A folder that holds a manifest; nothing is loaded until its checksum was compared."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.name

    def verify(self) -> None:
        """Compare every file with its checksum in the manifest. Raises ModelInvalid."""
        self.verified_weights()
        self.verified_distribution()

    @property
    def files(self) -> tuple[str, ...]:
        """The plain names of the files that belong to the version, the split last: it alone may be missing."""
        distribution, split = self.manifest.distribution, self.manifest.split or SplitEntry()
        needed = ("manifest.json", self.manifest.weights_file, *([distribution.file] if distribution else []))
        return (*needed, split.file)

    @property
    def sealed(self) -> dict[str, tuple[str, str]]:
        """Each part that the manifest has a checksum of (``weights``, ``distribution``, ``split``): its file and that
        SHA-256."""
        manifest = self.manifest
        found = {"weights": (manifest.weights_file, manifest.weights_sha256)}
        if manifest.distribution is not None:
            found["distribution"] = (manifest.distribution.file, manifest.distribution.sha256)
        if manifest.split is not None and manifest.split.sha256 is not None:
            found["split"] = (manifest.split.file, manifest.split.sha256)
        return found

    def damaged(self) -> list[str]:
        """Those of the ``sealed`` parts whose file is missing, cannot be read or is not the one of the manifest."""
        return [part for part, (file, expected) in self.sealed.items() if _checksum(self.folder / file) != expected]

    def verified_weights(self) -> bytes:
        """The bytes of the weights, after their SHA-256 agreed with the manifest.

        Checked and loaded are the same bytes: a file swapped in between cannot slip through.
        Raises ModelInvalid when the file is missing or its checksum is wrong.
        """
        return self._verified("weights", self.manifest.weights_file, self.manifest.weights_sha256)

    def verified_distribution(self) -> bytes | None:
        """The bytes of the distribution of the training pictures, checked likewise; None for a version without one."""
        entry = self.manifest.distribution
        return None if entry is None else self._verified("distribution", entry.file, entry.sha256)

    def _verified(self, what: str, file: str, expected: str) -> bytes:
        path = self.folder / file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelInvalid(
                f"model {self.name}: its {what} cannot be read ({error.strerror}): {path}; "
                "restore the folder of the model version"
            ) from error
        received = sha256_hex(data)
        if received != expected:
            raise ModelInvalid(
                f"model {self.name}: the {what} file is not the one of the manifest: expected SHA-256 "
                f"{expected}, received {received}; restore the folder, nothing is screened with it"
            )
        return data


def _checksum(path: Path) -> str | None:
    try:
        return sha256_hex(path.read_bytes())
    except OSError:
        return None


def open_version(folder: Path) -> ModelVersion:
    """Read the manifest of a folder. Raises ModelInvalid."""
    try:
        text = (folder / "manifest.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelInvalid(f"no readable manifest.json in {folder}: {error}") from error
    return ModelVersion(folder, parse(text))
