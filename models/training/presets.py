"""Recipes as data: what each reference did, apart from its leaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from models.errors import UsageFault


@dataclass(frozen=True)
class Preset:
    """One recipe. Rates and factors are unitless; rotation is a fraction of a full turn."""

    architecture: str
    input_size: int
    preprocessing: str
    batch_size: int
    epochs: int
    learning_rate: float
    rotation: float
    zoom: float
    stop_patience: int
    plateau_factor: float
    plateau_patience: int
    flips: bool = True  # left-right and up-down

    @property
    def default_calibration(self) -> str:
        """`models.calibration.NONE`, as in the notebooks; that module imports numpy."""
        return "none"

    def cut(self, epochs: int) -> Preset:
        """The same recipe with other `epochs`, before which it may stop by its patience."""
        return replace(self, epochs=epochs)


OWN, ANY = "own", "any"


@dataclass(frozen=True)
class Phase:
    """One descent of the learning rate, after a warm-up, along a cosine to 0.

    size: side of the training pictures in pixels. zoom_from: the smallest part of the field that a crop shows, 0..1.
    strength: 0..1, how much light, colour and clutter vary; settle_strength the same in the last settle_epochs, so that
    the network settles on pictures as they will be screened. share: 0..1, of this phase in the weights that it leaves;
    the rest are those that the phase before left, which hold better elsewhere (Wortsman et al., arXiv:2109.01903).
    beside: it begins where the phase before began, so that the mean of the two is that of two descents from one place
    (Wortsman et al., arXiv:2203.05482), which neither reaches by itself.
    light: OWN, or ANY: brought to the mean one (`models.light`), half of the pictures wholly and the others by any part
    of the way, so that a tint tells little and the network can be screened with at every share.
    """

    epochs: int
    size: int
    learning_rate: float
    zoom_from: float
    strength: float
    settle_epochs: int = 0
    settle_strength: float = 0.0
    share: float = 1.0
    beside: bool = False
    light: str = OWN

    def strength_in(self, epoch: int) -> float:
        """0..1, in the epoch of that number, the first being 0."""
        return self.settle_strength if epoch >= self.epochs - self.settle_epochs else self.strength


@dataclass(frozen=True)
class FineTune:
    """A recipe that starts with ImageNet's weights (see `models.training.finetune`).

    input_size: of screening, in pixels; training is at a smaller size, because crops make things look larger (Touvron
    et al., arXiv:1906.06423). Rates are unitless. frozen_blocks: how many of the first blocks keep ImageNet's weights.
    head_epochs, head_rate: of the outputs by themselves, before the phases.
    """

    architecture: str
    input_size: int
    preprocessing: str
    batch_size: int
    head_epochs: int
    head_rate: float
    phases: tuple[Phase, ...]
    warmup_steps: int
    weight_decay: float
    label_smoothing: float
    average_momentum: float
    frozen_blocks: int

    @property
    def default_calibration(self) -> str:
        """`models.calibration.TEMPERATURE`."""
        return "temperature"

    @property
    def epochs(self) -> int:
        """Of all phases; the head's are not counted."""
        return sum(phase.epochs for phase in self.phases)

    def cut(self, epochs: int) -> FineTune:
        """The same recipe, ended after so many epochs (at least 1)."""
        kept: list[Phase] = []
        for phase in self.phases:
            if left := epochs - sum(each.epochs for each in kept):
                kept.append(replace(phase, epochs=min(phase.epochs, left)))
        return replace(self, phases=tuple(kept))


def recipe_of(raw: Any) -> Preset | FineTune | None:
    """The recipe that ``asdict`` made JSON of; a field that it lacks, being older, has its default. None: not ours."""
    try:
        if "phases" not in raw:
            return Preset(**raw)
        return FineTune(**raw | {"phases": tuple(Phase(**row) for row in raw["phases"])})
    except TypeError:
        return None


FAR = Phase(
    epochs=24,
    size=160,
    learning_rate=5e-4,
    zoom_from=0.5,
    strength=1.0,
    settle_epochs=5,
    settle_strength=0.5,
)
"""Pictures altered so much that another clinic's may be among them."""

NEAR = Phase(epochs=8, size=176, learning_rate=3e-4, zoom_from=0.7, strength=0.3)
"""Pictures much like those that are screened: after `FAR`, whose pictures a network does not learn to its limit."""

BETWEEN = Phase(epochs=24, size=176, learning_rate=4e-4, zoom_from=0.6, strength=0.5, share=0.5, beside=True)
"""Longer, and pictures between the two: steadier under another light, and no better by itself."""

EVENED = Phase(epochs=8, size=176, learning_rate=4e-4, zoom_from=0.7, strength=0.4, share=0.5, light=ANY)
"""Pictures in more and less constant light, so that a clinic's tint tells less; the mean with what came before."""

LITE0 = FineTune(
    architecture="efficientnet-lite0",
    input_size=192,
    preprocessing="field-1",
    batch_size=32,
    head_epochs=1,
    head_rate=2e-3,
    phases=(FAR,),
    warmup_steps=200,
    weight_decay=0.02,
    label_smoothing=0.05,
    average_momentum=0.998,
    frozen_blocks=3,
)

PRESETS: dict[str, Preset | FineTune] = {
    "efficientnet-lite0": LITE0,
    "efficientnet-lite2": replace(
        LITE0,
        architecture="efficientnet-lite2",
        preprocessing="field-2",
        phases=(replace(FAR, epochs=18, settle_epochs=8), NEAR, BETWEEN, EVENED),
    ),
    # Hidri's notebook: Adam 1e-4, flips, rotation 0.2, zoom 0.2, EarlyStopping(3), ReduceLROnPlateau(0.5, 2).
    "hidri": Preset(
        architecture="hidri",
        input_size=128,
        preprocessing="square-1",
        batch_size=32,
        epochs=20,
        learning_rate=1e-4,
        rotation=0.2,
        zoom=0.2,
        stop_patience=3,
        plateau_factor=0.5,
        plateau_patience=2,
    ),
    # Thompson's notebook: Adam at its default rate, 20 epochs, no augmentation. Its early decisions were made on
    # the very part that it reports; here they are made on the validation part.
    "thompson": Preset(
        architecture="thompson",
        input_size=224,
        preprocessing="square-1",
        batch_size=32,
        epochs=20,
        learning_rate=1e-3,
        rotation=0.0,
        zoom=0.0,
        stop_patience=3,
        plateau_factor=0.5,
        plateau_patience=2,
        flips=False,
    ),
}


def preset(name: str) -> Preset | FineTune:
    """The preset of an architecture. Raises UsageFault for an unknown one."""
    if name not in PRESETS:
        raise UsageFault(f"no recipe for {name!r}: expected one of {', '.join(sorted(PRESETS))}")
    return PRESETS[name]
