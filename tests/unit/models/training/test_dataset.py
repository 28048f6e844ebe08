"""Training sees the very pictures that screening sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.classes import Classes
from models.preprocessing import prepare
from models.training.dataset import class_weights, dataset, targets
from models.training.presets import Preset
from models.training.split import Sample, split


def test_pictures_are_prepared_as_for_screening(lesions: Path, tiny: Preset) -> None:
    samples = split(lesions, {}, 7)[::4]
    seen = list(dataset(lesions, samples, tiny).as_numpy_iterator())
    assert [len(pictures) for pictures, _ in seen] == [16, 4]
    pictures, labels = (np.concatenate(column) for column in zip(*seen, strict=True))
    expected = [prepare((lesions / s.image).read_bytes(), ".jpg", tiny.preprocessing, tiny.input_size) for s in samples]
    assert pictures.dtype == np.uint8
    assert np.array_equal(pictures, np.stack(expected))
    assert labels.tolist() == [[sample.label] for sample in samples]
    assert labels.dtype == np.float32


def test_a_seed_shuffles_the_same_way_each_time_and_anew_each_epoch(lesions: Path, tiny: Preset) -> None:
    samples = split(lesions, {}, 7)

    def two_epochs(seed: int) -> list[list[bytes]]:
        rows = dataset(lesions, samples, tiny, shuffle_seed=seed)
        return [[p.tobytes() for pictures, _ in rows.as_numpy_iterator() for p in pictures] for _ in range(2)]

    first, second = two_epochs(1)
    assert sorted(first) == sorted(second)
    assert first != second
    assert two_epochs(1) == [first, second]
    assert two_epochs(2)[0] != first


@pytest.mark.parametrize(("benign", "malignant"), [(10, 10), (90, 10), (1, 3)])
def test_a_rare_class_counts_as_much_as_a_common_one(benign: int, malignant: int) -> None:
    labels = [0] * benign + [1] * malignant
    weights = class_weights([Sample(f"{n}", "", label, "", "train") for n, label in enumerate(labels)])
    assert weights[0] * benign == pytest.approx(weights[1] * malignant)
    assert weights[0] * benign + weights[1] * malignant == pytest.approx(benign + malignant)


def test_several_classes_are_one_hot_and_balanced() -> None:
    labels = [0] * 6 + [1] * 3 + [2]
    samples = [Sample(f"{n}", "", label, "", "train") for n, label in enumerate(labels)]
    classes = Classes(("bkl", "mel", "nv"), ("mel",))
    assert targets(samples, classes).tolist() == np.eye(3)[labels].tolist()
    weights = class_weights(samples, classes)
    assert [weights[n] * labels.count(n) for n in range(3)] == pytest.approx([10 / 3] * 3)
