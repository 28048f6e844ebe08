"""What happens between epochs: the recipe's own callbacks, a resumable state, and a voice for the progress bar."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Protocol

from models.networks.backend import import_keras
from models.training.presets import Preset
from models.training.run_folder import STATE
from models.whole_file import write_whole

keras = import_keras()
Callback: Any = keras.callbacks.Callback

# what keras' BackupAndRestore leaves out: without it a resumed run would forget how long it has not improved
REMEMBERED = ("best", "wait", "stopped_epoch", "best_epoch", "cooldown_counter")


class Progress(Protocol):
    """Told about the training; the command line draws it."""

    def step(self, epoch: int, epochs: int, step: int, steps: int) -> None: ...

    def epoch(self, epoch: int, epochs: int, logs: dict[str, float]) -> None: ...


class Tell(Callback):
    """Passes steps and epochs on to a Progress."""

    def __init__(self, progress: Progress, epochs: int, steps: int, before: int = 0) -> None:
        """`epochs` in all, of which `before` lie before the first of this fit."""
        super().__init__()
        self._progress, self._epochs, self._steps, self._before, self._epoch = progress, epochs, steps, before, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = self._before + epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._progress.step(self._epoch + 1, self._epochs, batch + 1, self._steps)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._progress.epoch(self._before + epoch + 1, self._epochs, {k: float(v) for k, v in (logs or {}).items()})


class Remember(Callback):
    """Keeps patience counters, history and the state of random numbers (flips, dropout) on disk.

    So `--resume` goes on as if never stopped.
    """

    def __init__(self, path: Path, others: list[Any]) -> None:
        super().__init__()
        self._path, self._others = path, others
        self.history: list[dict[str, float]] = []
        self._earlier, self._begun = _seconds(path), time.monotonic()

    def on_train_begin(self, logs: Any = None) -> None:
        if not self._path.is_file():
            return
        saved = json.loads(self._path.read_text(encoding="utf-8"))
        self.history = saved["history"]
        for callback in self._others:
            for key, value in saved["callbacks"].get(type(callback).__name__, {}).items():
                setattr(callback, key, value)
        for variable, value in zip(self._random(), saved.get("random", []), strict=False):
            variable.assign(value)

    def _random(self) -> list[Any]:
        """The states of the generators of random numbers, in the order of the layers."""
        every = self.model.variables if self.model else []
        return [variable for variable in every if variable.path.endswith("seed_generator_state")]

    def epochs_done(self) -> int:
        """Whole epochs of an earlier run in the same folder."""
        return len(remembered(self._path.parent))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.history = [*self.history[:epoch], {k: float(v) for k, v in (logs or {}).items()}]
        counters = {
            type(callback).__name__: {
                key: float(getattr(callback, key)) for key in REMEMBERED if getattr(callback, key, None) is not None
            }
            for callback in self._others
        }
        seconds = self._earlier + time.monotonic() - self._begun
        random = [[int(number) for number in keras.ops.convert_to_numpy(state)] for state in self._random()]
        state = {"history": self.history, "callbacks": counters, "random": random, "seconds": seconds}
        write_whole(self._path, json.dumps(state).encode())


def seconds_spent(run: Path) -> float:
    """What an earlier run in the same folder spent until the end of its last whole epoch; 0 where there was none."""
    return sum(_seconds(state) for state in run.rglob(STATE))


def _seconds(state: Path) -> float:
    return float(json.loads(state.read_text(encoding="utf-8")).get("seconds", 0.0)) if state.is_file() else 0.0


def remembered(folder: Path) -> list[dict[str, float]]:
    """The history, a row an epoch, of an earlier fit in the folder; empty where there was none."""
    state = folder / STATE
    history: list[dict[str, float]] = []
    if state.is_file():
        history = json.loads(state.read_text(encoding="utf-8"))["history"]
    return history


def stopped_early(folder: Path) -> bool:
    """Whether EarlyStopping ended an earlier fit in the folder: keras would go on with the epoch after."""
    state = folder / STATE
    if not state.is_file():
        return False
    counters = json.loads(state.read_text(encoding="utf-8"))["callbacks"]
    return bool(counters.get("EarlyStopping", {}).get("stopped_epoch", 0) > 0)  # it cannot stop after the first, 0


def recipe_callbacks(preset: Preset, folder: Path) -> tuple[list[Any], Remember]:
    """EarlyStopping, ReduceLROnPlateau, ModelCheckpoint, TensorBoard, and the state for resuming."""
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=preset.stop_patience)
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss", factor=preset.plateau_factor, patience=preset.plateau_patience
    )
    best = keras.callbacks.ModelCheckpoint(
        str(folder / "best.weights.h5"), monitor="val_loss", save_best_only=True, save_weights_only=True
    )
    remember = Remember(folder / STATE, [stop, plateau, best])
    board = keras.callbacks.TensorBoard(log_dir=str(folder / "tensorboard"), write_graph=False)
    backup = keras.callbacks.BackupAndRestore(str(folder / "backup"), delete_checkpoint=False)
    # backup last: an epoch counts as done once everything else has kept its part of it
    return [stop, plateau, best, board, remember, backup], remember


def finetune_callbacks(folder: Path) -> tuple[list[Any], Remember]:
    """TensorBoard, the averaged weights wherever it is measured, and the state for resuming."""
    remember = Remember(folder / STATE, [])
    board = keras.callbacks.TensorBoard(log_dir=str(folder / "tensorboard"), write_graph=False)
    backup = keras.callbacks.BackupAndRestore(str(folder / "backup"), delete_checkpoint=False)
    return [keras.callbacks.SwapEMAWeights(), board, remember, backup], remember
