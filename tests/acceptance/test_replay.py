"""What the shipped network said of drawn pictures is found again to the last digit, in another process."""

from pathlib import Path
from typing import Any

from cli.drawn_lesions import draw_lesion


def test_a_replay_is_identical(site: Any, tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    folder.mkdir()
    for seed in range(5):
        draw_lesion(seed, width=240, height=180, malignant=seed % 2 == 1).save(folder / f"{seed}.jpg", quality=90)
    (folder / "notes.jpg").write_text("no picture")
    batch = site.json("submit", folder, "--wait", "--json")["batch"]
    done = site.screen("audit", "replay", batch)
    assert done.returncode == 0, done.stderr
    assert "replayed       5: 5 identical, 0 different\nnot replayable 0\n" in done.stdout
    assert "tensorflow" in done.stdout
    assert site.json("audit", "verify", "--json")["intact"] is True
