"""Weights go out and come back the same; anything else is refused before it is assigned."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from models.errors import ModelInvalid
from models.networks.hidri import build
from models.networks.weights import dump_weights, load_weights, round_kernels


def test_a_round_trip_gives_the_same_probabilities(tiny_network: Any, pictures: np.ndarray) -> None:
    other = build(16)
    before = other.predict_on_batch(pictures)
    load_weights(other, dump_weights(tiny_network))
    expected = tiny_network.predict_on_batch(pictures)
    assert np.array_equal(other.predict_on_batch(pictures), expected)
    assert not np.allclose(before, expected)
    assert np.ptp(expected) > 0.01  # else equal answers would prove nothing


def test_every_weight_is_kept_exactly(tiny_network: Any) -> None:
    tensors = load(dump_weights(tiny_network))
    assert sum(tensor.size for tensor in tensors.values()) == 94_273
    for variable in tiny_network.weights:
        assert np.array_equal(tensors[variable.path], np.asarray(variable))


def test_rounded_kernels_take_half_the_bytes_and_lose_nothing_more(pictures: np.ndarray) -> None:
    network, whole = build(16), build(16)
    whole.set_weights(network.get_weights())
    round_kernels(network)
    data = dump_weights(network)
    tensors = load(data)
    for variable, before in zip(network.weights, whole.weights, strict=True):
        kept, exact = tensors[variable.path], np.asarray(before)
        assert np.array_equal(kept, np.asarray(variable))
        if kept.ndim > 1:
            assert kept.dtype == np.float16
            assert np.abs(kept - exact).max() <= 2**-11 * np.abs(exact).max()
        else:
            assert np.array_equal(kept, exact)
    assert len(data) < 0.55 * 4 * network.count_params()
    other = build(16)
    load_weights(other, data)
    found = other.predict_on_batch(pictures)
    assert np.array_equal(found, network.predict_on_batch(pictures))
    assert found == pytest.approx(whole.predict_on_batch(pictures), abs=0.01)


def test_what_float16_cannot_hold_is_kept_as_it_is(tiny_network: Any) -> None:
    other = build(16)
    other.set_weights([np.full(weight.shape, 1e6, np.float32) for weight in tiny_network.get_weights()])
    assert {tensor.dtype for tensor in load(dump_weights(other)).values()} == {np.dtype(np.float32)}


def test_equal_weights_are_equal_bytes(tiny_network: Any) -> None:
    assert dump_weights(tiny_network) == dump_weights(tiny_network)


def test_a_missing_tensor_is_named(tiny_network: Any) -> None:
    tensors = load(dump_weights(tiny_network))
    del tensors["hidri/norm_2/gamma"]
    with pytest.raises(ModelInvalid) as refused:
        load_weights(build(16), save(tensors))
    assert str(refused.value) == "weights do not fit hidri: missing ['hidri/norm_2/gamma'], unknown none"


def test_an_extra_tensor_is_named(tiny_network: Any) -> None:
    tensors = load(dump_weights(tiny_network)) | {"hidri/conv_4/kernel": np.zeros(1, np.float32)}
    with pytest.raises(ModelInvalid) as refused:
        load_weights(build(16), save(tensors))
    assert str(refused.value) == "weights do not fit hidri: missing none, unknown ['hidri/conv_4/kernel']"


@pytest.mark.parametrize("shape", [(128, 2), (1, 128), (128,), (0, 1)])
def test_another_shape_says_expected_and_received(tiny_network: Any, shape: tuple[int, ...]) -> None:
    tensors = load(dump_weights(tiny_network)) | {"hidri/malignant/kernel": np.zeros(shape, np.float32)}
    with pytest.raises(ModelInvalid) as refused:
        load_weights(build(16), save(tensors))
    assert str(refused.value) == f"weight hidri/malignant/kernel: expected shape (128, 1), received {shape}"


@pytest.mark.parametrize(
    "data",
    [b"", b"not safetensors at all", b"\x89HDF\r\n\x1a\n" + bytes(100), b"PK\x03\x04" + bytes(100), bytes(64),
     (2**60).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]"],
)  # fmt: skip
def test_what_is_not_safetensors(data: bytes) -> None:
    with pytest.raises(ModelInvalid, match=r"^weights are not safetensors: |^weights do not fit hidri: "):
        load_weights(build(16), data)


def test_shortened_bytes(tiny_network: Any) -> None:
    with pytest.raises(ModelInvalid, match="^weights are not safetensors: "):
        load_weights(build(16), dump_weights(tiny_network)[:-1])


class Payload:
    """A pickle that touches a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_no_code_is_run(tmp_path: Path) -> None:
    evil = pickle.dumps(Payload(tmp_path / "ran"))
    pickle.loads(evil)
    assert (tmp_path / "ran").exists()  # it would
    (tmp_path / "ran").unlink()
    with pytest.raises(ModelInvalid, match="^weights are not safetensors: "):
        load_weights(build(16), evil)
    assert not (tmp_path / "ran").exists()
