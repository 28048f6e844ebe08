"""What lies far from the training pictures is named; what the cloud itself holds is not."""

from __future__ import annotations

import numpy as np
import pytest

from models.distribution import DistributionEntry, fit, load_distribution
from models.errors import ModelInvalid


def cloud(count: int, seed: int) -> np.ndarray:
    """Correlated features of very different sizes."""
    random = np.random.default_rng(seed)
    mix = np.random.default_rng(0).normal(size=(6, 6))
    return random.normal(size=(count, 6)) @ mix * np.array([1e-3, 1, 1, 10, 100, 1]) + 5


def test_a_training_picture_lies_about_one_away() -> None:
    distances = fit(cloud(4000, 1)).distances(cloud(1000, 2))
    assert distances.mean() == pytest.approx(1.0, abs=0.1)
    assert distances.max() < 2.5


def test_where_features_say_much_the_same_it_lies_nearer() -> None:
    """As the channel means of a network do: of the shipped versions 98.5 % of good pictures lie within 0.63 to 0.91."""
    few = np.random.default_rng(1).normal(size=(5000, 6))
    features = few @ np.random.default_rng(2).normal(size=(6, 60)) + 1e-3
    assert np.quantile(fit(features[:4000]).distances(features[4000:]), 0.985) < 0.9


def test_it_is_mahalanobis_distance() -> None:
    """Against the definition, by the inverse of the covariance; the floor under the variances changes little."""
    taught, seen = cloud(4000, 1), cloud(50, 2)
    offsets = seen - taught.mean(axis=0)
    exact = np.sqrt(np.einsum("ni,ij,nj->n", offsets, np.linalg.inv(np.cov(taught.T)), offsets) / 6)
    assert fit(taught).distances(seen) == pytest.approx(exact, rel=0.1)


def test_what_is_usual_in_each_feature_but_not_together_lies_far_off() -> None:
    taught = cloud(4000, 1)
    broken = np.stack([column[np.random.default_rng(n).permutation(4000)] for n, column in enumerate(taught.T)], axis=1)
    distribution = fit(taught)
    assert np.median(distribution.distances(broken)) > 1.5 * np.median(distribution.distances(taught))


def test_written_and_read_back_it_says_the_same() -> None:
    distribution, seen = fit(cloud(4000, 1)), cloud(20, 3)
    assert load_distribution(distribution.dump()).distances(seen) == pytest.approx(
        distribution.distances(seen), rel=1e-3
    )


@pytest.mark.parametrize("damage", [b"", b"not safetensors", None])
def test_another_file_is_refused(damage: bytes | None) -> None:
    from safetensors.numpy import save

    data = (
        save({"middle": np.zeros(3, np.float32), "whitening": np.zeros((3, 2), np.float32)})
        if damage is None
        else damage
    )
    with pytest.raises(ModelInvalid, match="distribution"):
        load_distribution(data)


def test_the_reason_says_what_was_expected_and_received() -> None:
    entry = DistributionEntry("d.safetensors", "0" * 64, ("pool_1",), 1.8)
    assert entry.strange(1.8) is None
    assert entry.strange(4.209) == (
        "unlike the pictures that the network learned from: distance 4.21, expected at most 1.80",
        True,
    )
    beyond = [entry.strange(distance) for distance in (1.81, 1.98, 1.99)]
    assert [found and found.far for found in beyond] == [False, False, True]
