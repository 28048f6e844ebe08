"""What happens between epochs: the person is told, and the patience counters survive a stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.training.callbacks import Remember, Tell, recipe_callbacks, seconds_spent, stopped_early
from models.training.presets import Preset


class Patient:
    """Stands for a callback with a patience counter."""

    def __init__(self, wait: int, best: float) -> None:
        self.wait, self.best = wait, best


def test_the_person_is_told_from_1_on(told: Callable[..., Any]) -> None:
    progress = told()
    tell = Tell(progress, epochs=3, steps=2)
    for epoch in (0, 1):
        tell.on_epoch_begin(epoch)
        tell.on_train_batch_end(0, {"loss": 1.0})
        tell.on_train_batch_end(1)
        tell.on_epoch_end(epoch, {"loss": 0.5})
    assert progress.steps == [(1, 3, 1, 2), (1, 3, 2, 2), (2, 3, 1, 2), (2, 3, 2, 2)]
    assert progress.epochs == [(1, 3, {"loss": 0.5}), (2, 3, {"loss": 0.5})]


def test_counters_and_history_come_back(tmp_path: Path) -> None:
    first = Remember(tmp_path / "state.json", [Patient(2, 0.25)])
    first.on_train_begin()
    first.on_epoch_end(0, {"val_loss": 0.5})
    first.on_epoch_end(1, {"val_loss": 0.25})
    patient = Patient(0, float("inf"))
    second = Remember(tmp_path / "state.json", [patient])
    second.on_train_begin()
    assert (patient.wait, patient.best) == (2, 0.25)
    assert second.history == [{"val_loss": 0.5}, {"val_loss": 0.25}]


def test_an_epoch_that_runs_again_replaces_its_history(tmp_path: Path) -> None:
    """The process may end after the state was kept and before the weights were."""
    remember = Remember(tmp_path / "state.json", [])
    for epoch, loss in ((0, 0.5), (1, 0.4), (1, 0.3)):
        remember.on_epoch_end(epoch, {"val_loss": loss})
    assert [row["val_loss"] for row in remember.history] == [0.5, 0.3]
    assert json.loads((tmp_path / "state.json").read_text())["history"] == remember.history


def test_a_counter_that_is_not_set_yet_is_left_out(tmp_path: Path) -> None:
    patient: Any = Patient(1, 0.5)
    patient.best = None
    Remember(tmp_path / "state.json", [patient]).on_epoch_end(0, {})
    assert json.loads((tmp_path / "state.json").read_text())["callbacks"] == {"Patient": {"wait": 1.0}}


def test_no_state_is_a_fresh_start(tmp_path: Path) -> None:
    remember = Remember(tmp_path / "state.json", [Patient(0, 1.0)])
    remember.on_train_begin()
    assert remember.history == []


def test_the_recipe_sets_the_patience(tmp_path: Path, tiny: Preset) -> None:
    callbacks, remember = recipe_callbacks(tiny, tmp_path)
    names = [type(callback).__name__ for callback in callbacks]
    assert names == [
        "EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "TensorBoard", "Remember", "BackupAndRestore",
    ]  # fmt: skip
    stop, plateau, best = callbacks[:3]
    assert (stop.patience, plateau.patience, plateau.factor) == (3, 2, 0.5)
    assert {callback.monitor for callback in (stop, plateau, best)} == {"val_loss"}
    assert best.save_best_only
    assert callbacks[4] is remember


@pytest.mark.parametrize("key", ["best", "wait"])
def test_keras_still_has_the_counters_that_are_remembered(tmp_path: Path, tiny: Preset, key: str) -> None:
    """Their names are keras' own: one that is renamed would be forgotten without a word."""
    (stop, plateau, *_), _ = recipe_callbacks(tiny, tmp_path)
    for callback in (stop, plateau):
        callback.set_model(None)
        callback.on_train_begin()
        assert hasattr(callback, key)
    assert stop.stopped_epoch == 0


def test_whether_patience_ended_a_run_is_read_off_its_state(tmp_path: Path, tiny: Preset) -> None:
    assert not stopped_early(tmp_path)
    (stop, *_), remember = recipe_callbacks(tiny, tmp_path)
    for stopped_epoch in (0, 4):
        stop.stopped_epoch = stopped_epoch
        remember.on_epoch_end(4, {})
        assert stopped_early(tmp_path) is (stopped_epoch == 4)
    Remember(tmp_path / "state.json", []).on_epoch_end(0, {})  # of a fit that has no patience
    assert not stopped_early(tmp_path)


def test_time_is_added_up_over_runs_and_phases(tmp_path: Path) -> None:
    state, later = tmp_path / "state.json", tmp_path / "phase-2" / "state.json"
    later.parent.mkdir()
    assert seconds_spent(tmp_path) == 0
    Remember(state, []).on_epoch_end(0, {})
    state.write_text(json.dumps(json.loads(state.read_text()) | {"seconds": 500.0}))
    Remember(state, []).on_epoch_end(1, {})
    Remember(later, []).on_epoch_end(0, {})
    later.write_text(json.dumps(json.loads(later.read_text()) | {"seconds": 200.0}))
    assert seconds_spent(tmp_path) > 700
