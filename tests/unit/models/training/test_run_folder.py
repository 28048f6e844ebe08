"""What was trained is gone on with as it was begun, or not at all; what was not trained yet binds nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import UsageFault
from models.training.run_folder import HEAD, SPLIT, STATE, begun, expect_to_go_on, keep_split


def test_a_folder_without_an_epoch_is_not_begun(tmp_path: Path) -> None:
    assert not begun(tmp_path / "none")
    for split in ("one", "other"):
        expect_to_go_on(tmp_path, resume=False)
        keep_split(tmp_path, split)
        assert (tmp_path / SPLIT).read_text() == split
        assert not begun(tmp_path)


@pytest.mark.parametrize("kept", [STATE, HEAD])
def test_what_was_trained_is_not_passed_over(tmp_path: Path, kept: str) -> None:
    """The outputs alone, of a network that is fine-tuned, were trained on a split too."""
    keep_split(tmp_path, "one")
    (tmp_path / kept).write_text("{}")
    assert begun(tmp_path)
    with pytest.raises(UsageFault, match="holds an earlier run; add --resume to go on with it or name another"):
        expect_to_go_on(tmp_path, resume=False)
    expect_to_go_on(tmp_path, resume=True)
    keep_split(tmp_path, "one")
    with pytest.raises(UsageFault, match="was begun with other images, groups or seed"):
        keep_split(tmp_path, "other")
    assert (tmp_path / SPLIT).read_text() == "one"
