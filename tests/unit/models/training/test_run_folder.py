"""What was trained is gone on with as it was begun, or not at all; what was not trained yet binds nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import UsageFault
from models.training.run_folder import ARCHITECTURE, HEAD, SPLIT, STATE, begun, expect_to_go_on, keep


def test_a_folder_without_an_epoch_is_not_begun(tmp_path: Path) -> None:
    assert not begun(tmp_path / "none")
    for architecture, split in (("hidri", "one"), ("thompson", "other")):
        expect_to_go_on(tmp_path, architecture, resume=False)
        keep(tmp_path, architecture, split)
        assert (tmp_path / SPLIT).read_text() == split
        assert (tmp_path / ARCHITECTURE).read_text() == f"{architecture}\n"
        assert not begun(tmp_path)


@pytest.mark.parametrize("kept", [STATE, HEAD])
def test_what_was_trained_is_not_passed_over(tmp_path: Path, kept: str) -> None:
    """The outputs alone, of a network that is fine-tuned, were trained on a split too."""
    keep(tmp_path, "hidri", "one")
    (tmp_path / kept).write_text("{}")
    assert begun(tmp_path)
    with pytest.raises(UsageFault, match="holds an earlier run; add --resume to go on with it or name another"):
        expect_to_go_on(tmp_path, "hidri", resume=False)
    with pytest.raises(UsageFault, match="begun with the architecture hidri, received thompson; add --architecture h"):
        expect_to_go_on(tmp_path, "thompson", resume=True)
    expect_to_go_on(tmp_path, "hidri", resume=True)
    keep(tmp_path, "hidri", "one")
    with pytest.raises(UsageFault, match="was begun with other images, groups or seed"):
        keep(tmp_path, "hidri", "other")
    assert (tmp_path / SPLIT).read_text() == "one"


def test_a_run_begun_before_its_architecture_was_kept_goes_on(tmp_path: Path) -> None:
    """And what it is resumed with is not taken for what it was begun with."""
    (tmp_path / STATE).write_text("{}")
    (tmp_path / SPLIT).write_text("one")
    expect_to_go_on(tmp_path, "thompson", resume=True)
    keep(tmp_path, "thompson", "one")
    assert not (tmp_path / ARCHITECTURE).exists()
