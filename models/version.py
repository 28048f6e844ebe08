"""A model version on disk: a folder with ``manifest.json`` and ``weights.safetensors``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.checksum import sha256_hex
from models.errors import ModelInvalid
from models.manifest import Manifest, parse


@dataclass(frozen=True)
class ModelVersion:
    """A folder that holds a manifest; nothing is loaded until its checksum was compared."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.name

    def verified_weights(self) -> bytes:
        """The bytes of the weights, after their SHA-256 agreed with the manifest.

        Checked and loaded are the same bytes: a file swapped in between cannot slip through.
        Raises ModelInvalid when the file is missing or its checksum is wrong.
        """
        path = self.folder / self.manifest.weights_file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelInvalid(
                f"model {self.name}: its weights cannot be read ({error.strerror}): {path}; "
                "restore the folder of the model version"
            ) from error
        received = sha256_hex(data)
        if received != self.manifest.weights_sha256:
            raise ModelInvalid(
                f"model {self.name}: the weights are not those of the manifest: expected SHA-256 "
                f"{self.manifest.weights_sha256}, received {received}; restore the folder, nothing is screened with it"
            )
        return data


def open_version(folder: Path) -> ModelVersion:
    """Read the manifest of a folder. Raises ModelInvalid."""
    try:
        text = (folder / "manifest.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelInvalid(f"no readable manifest.json in {folder}: {error}") from error
    return ModelVersion(folder, parse(text))
