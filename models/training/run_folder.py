"""The folder run/ of a training: what is kept there for going on, and whether a run may go on with it."""

from __future__ import annotations

from pathlib import Path

from models.errors import UsageFault
from models.whole_file import write_whole

STATE = "state.json"  # of the callbacks, after every epoch
HEAD = "head.weights.h5"  # of a network that is fine-tuned, once its outputs were trained by themselves
COPIES = "near_duplicates.csv"
SPLIT = "split.csv"
ARCHITECTURE = "architecture.txt"


def begun(run: Path) -> bool:
    """Whether anything was trained there: until then images may come and go, and groups and split follow them."""
    return (run / STATE).exists() or (run / HEAD).exists()


def expect_to_go_on(run: Path, architecture: str, resume: bool) -> None:
    """Raises UsageFault when a run was begun there that is not to be resumed, or not with this architecture."""
    if not begun(run):
        return
    if not resume:
        raise UsageFault(f"{run} holds an earlier run; add --resume to go on with it or name another --output")
    kept = run / ARCHITECTURE  # runs that were begun before it was kept have none
    if kept.exists() and (first := kept.read_text(encoding="utf-8").strip()) != architecture:
        raise UsageFault(
            f"{run} was begun with the architecture {first}, received {architecture}; add --architecture {first} or "
            "name another --output"
        )


def keep(run: Path, architecture: str, split: str) -> None:
    """Keep what a run is begun with. Raises UsageFault when it was begun with another split.

    It would be measured on images that it was trained on.
    """
    kept = run / SPLIT
    if not begun(run):
        write_whole(run / ARCHITECTURE, f"{architecture}\n".encode())
    elif kept.exists() and kept.read_text(encoding="utf-8") != split:
        raise UsageFault(f"{run} was begun with other images, groups or seed; resume with those or name another output")
    write_whole(kept, split.encode())
