"""The folder run/ of a training: what is kept there for going on, and whether a run may go on with it."""

from __future__ import annotations

from pathlib import Path

from models.errors import UsageFault
from models.whole_file import write_whole

STATE = "state.json"  # of the callbacks, after every epoch
HEAD = "head.weights.h5"  # of a network that is fine-tuned, once its outputs were trained by themselves
COPIES = "near_duplicates.csv"
SPLIT = "split.csv"


def begun(run: Path) -> bool:
    """Whether anything was trained there: until then images may come and go, and groups and split follow them."""
    return (run / STATE).exists() or (run / HEAD).exists()


def expect_to_go_on(run: Path, resume: bool) -> None:
    """Raises UsageFault when a run was begun there that is not to be resumed."""
    if begun(run) and not resume:
        raise UsageFault(f"{run} holds an earlier run; add --resume to go on with it or name another --output")


def keep_split(run: Path, text: str) -> None:
    """Keep the split. Raises UsageFault when the run was begun with another one.

    It would be measured on images that it was trained on.
    """
    kept = run / SPLIT
    if begun(run) and kept.exists() and kept.read_text(encoding="utf-8") != text:
        raise UsageFault(f"{run} was begun with other images, groups or seed; resume with those or name another output")
    write_whole(kept, text.encode())
