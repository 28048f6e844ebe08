"""What `screen explain` does: read a picture again, check that it is the very one, and ask where its score is from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cli.overlay import PANEL, side_by_side
from models.catalogue import find
from models.checksum import sha256_hex
from models.decoding import decode
from models.errors import ImageRefused, ModelInvalid, PassingFault, UsageFault
from models.extras import to_install
from models.field import lit_field
from models.preprocessing import in_its_own_light, preprocessing
from models.quality import ungradable
from models.rounding import decimal
from models.whole_file import write_whole
from storage.decisions import Scored, decide
from storage.image_files import read_image_bytes
from storage.name_on_record import expect_model_of_batch
from storage.paths import shown, to_location
from storage.report import ReportRow
from storage.states import ImageState
from worker.networks import Networks
from worker.screening import NO_NUMBER

if TYPE_CHECKING:
    from models.networks.gradcam import GradCam
    from models.version import ModelVersion

NAME_DIGITS = 16  # of the SHA-256: enough to tell the images of a site apart, and no name of a patient


@dataclass(frozen=True)
class Look:
    """A crop (PANEL pixels a side), the network's picture and its map (0..1), and why it cannot be graded."""

    crop: NDArray[np.uint8]
    picture: NDArray[np.uint8]
    heat: NDArray[np.float32]
    ungradable: str | None


@dataclass(frozen=True)
class Explained:
    """One line of the index. ``overlay``: a file of the folder, "" where ``reason`` says why there is none."""

    image: str
    checksum: str
    overlay: str
    probability: float | None
    outcome: str
    threshold: float | None
    model: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Explainer:
    """Looks at pictures with the model versions of a site, each loaded once."""

    def __init__(self, home: Path, networks: Networks | None = None) -> None:
        self._home, self._networks = home, networks or Networks(home)
        self._versions: dict[str, ModelVersion] = {}
        self._gradcams: dict[str, GradCam] = {}

    def look(self, data: bytes, suffix: str, model: str) -> Look:
        """Decode, prepare and explain one picture. Raises ImageRefused, ModelInvalid, or UsageFault without keras."""
        version, gradcam = self._version(model), self._gradcam(model)
        size = version.manifest.input_size
        prepare = preprocessing(version.manifest.preprocessing)
        rgb = decode(data, suffix, at_least=size)
        field = lit_field(rgb)
        picture = prepare(rgb, size, field)
        _, maps = gradcam.maps(picture[None])
        shown = in_its_own_light(version.manifest.preprocessing)
        return Look(shown(rgb, PANEL, field), picture, maps[0], ungradable(rgb, field))

    def judge(self, look: Look, model: str) -> tuple[float, str | None]:
        """Probability (0..1) and why it is not relied on, if so: by the network that workers screen with.

        A map comes from a part of it alone, which does not know what is unlike all that it learned from.
        Raises ModelInvalid where that network gives no number: below each threshold, it would pass for clear.
        """
        said = self._networks.get(model).answers(look.picture[None])
        if np.isnan(said.malignant[0]):
            raise ModelInvalid(f"model {model}: {NO_NUMBER}; nothing is to be screened with it")
        return decimal(float(said.malignant[0])), said.reasons([look.ungradable])[0]

    def look_at_row(self, row: ReportRow) -> Look:
        """The look at a screened image, with the very weights that its batch was handed in for.

        Raises ImageRefused when its file changed, PassingFault, ModelInvalid where other weights have their name, and
        as `look`.
        """
        expect_model_of_batch(row.batch, row.weights, row.scoring, self._version(row.model).manifest)
        data = read_image_bytes(row.location)
        if sha256_hex(data) != row.checksum:
            raise ImageRefused("the file changed since it was screened; submit it again")
        return self.look(data, PurePath(row.image).suffix, row.model)

    def threshold(self, model: str) -> float:
        """The default operating point's threshold of a model version, 0..1."""
        return self._version(model).manifest.default.threshold

    def _version(self, model: str) -> ModelVersion:
        if model not in self._versions:
            self._versions[model] = find(model, self._home)
        return self._versions[model]

    def _gradcam(self, model: str) -> GradCam:
        if model not in self._gradcams:
            version = self._version(model)
            try:
                from models.networks.gradcam import gradcam_of

                self._gradcams[model] = gradcam_of(version)
            except ImportError as error:
                how = to_install("cpu")
                raise UsageFault(f"explaining needs the extra cpu or gpu (missing: {error.name}): {how}") from error
        return self._gradcams[model]


def explain_image(path: str, folder: Path, explainer: Explainer, model: str) -> Explained:
    """Explain one file with a model version; its outcome is by the default operating point."""
    nothing = Explained(shown(path), "", "", None, ImageState.REJECTED, None, model, "")
    checksum = ""
    try:
        data = read_image_bytes(to_location(path))
        checksum = sha256_hex(data)
        look = explainer.look(data, PurePath(path).suffix, model)
    except (ImageRefused, PassingFault) as error:
        return Explained(**asdict(nothing) | {"checksum": checksum, "reason": str(error)})
    threshold = explainer.threshold(model)
    probability, reason = explainer.judge(look, model)
    outcome = decide(Scored(0, probability, reason), threshold)
    name = _write(folder, checksum, look)
    return Explained(nothing.image, checksum, name, probability, outcome, threshold, model, reason or "")


def explain_rows(rows: Iterable[ReportRow], folder: Path, explainer: Explainer) -> Iterator[Explained]:
    """Explain screened images one by one; their probability and outcome are those on record."""
    for row in rows:
        name, reason = "", row.reason
        try:
            name = _write(folder, row.checksum, explainer.look_at_row(row))
        except (ImageRefused, PassingFault) as error:
            reason = str(error)
        yield Explained(row.image, row.checksum, name, row.probability, row.outcome, row.threshold, row.model, reason)


def _write(folder: Path, checksum: str, look: Look) -> str:
    name = f"{checksum[:NAME_DIGITS]}.png"
    write_whole(folder / name, side_by_side(look.crop, look.picture, look.heat))
    return name
