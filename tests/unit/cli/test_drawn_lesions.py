"""The drawn pictures repeat, look like lesions to the checks, and the bad ones are refused for the right reason."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cli.drawn_lesions import MIN_FILES, REFUSED, SCREENED, _encode, draw_folder, draw_lesion
from models.decoding import decode
from models.errors import ImageRefused
from models.quality import ungradable

REASONS = {
    "truncated": "unreadable: the file ends too early",
    "empty": "empty: ",
    "text": "not an image: expected JPEG, PNG, TIFF, WebP or BMP, received text",
    "png named jpg": "wrong extension: ",
    "animated": "animated: ",
    "transparent": "transparent: ",
    "too small": "too small: ",
    "cmyk": "printing colours (CMYK)",
}


def test_the_same_seed_draws_the_same_picture() -> None:
    first, again, other = (np.asarray(draw_lesion(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [(600, 450), (224, 224), (450, 600), (64, 64)])
def test_size(size: tuple[int, int]) -> None:
    image = draw_lesion(1, width=size[0], height=size[1], malignant=True, field=True, hairs=True)
    assert (image.size, image.mode) == (size, "RGB")


@pytest.mark.parametrize("seed", range(12))
def test_a_darker_brown_spot_on_lighter_skin(seed: int) -> None:
    rgb = np.asarray(draw_lesion(seed, malignant=seed % 2 == 1)).astype(int)
    middle = rgb[195:255, 260:340].mean(axis=(0, 1))
    corner = rgb[:40, :40].mean(axis=(0, 1))
    assert corner.mean() - middle.mean() > 20
    assert middle[0] > middle[2] and corner[0] > corner[1] > corner[2]
    assert ungradable(rgb.astype(np.uint8)) is None


def test_field_is_dark_outside_and_lit_inside() -> None:
    plain, field = (np.asarray(draw_lesion(2, field=dark)) for dark in (False, True))
    assert field[:20, :20].max() == 0 and plain[:20, :20].min() > 50
    assert field[225, 300].mean() > 0.8 * plain[225, 300].mean()


def test_hairs_are_thin_and_dark() -> None:
    plain, hairy = (np.asarray(draw_lesion(3, hairs=on)).astype(int) for on in (False, True))
    changed = np.abs(plain - hairy).max(axis=-1) > 30
    assert 0.001 < changed.mean() < 0.08
    assert (plain - hairy)[changed].mean() > 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    place = tmp_path_factory.mktemp("drawn")
    return place, draw_folder(place, 30)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_folder_has_what_it_says(folder: tuple[Path, dict[str, int]]) -> None:
    place, kinds = folder
    assert len(files(place)) == sum(kinds.values()) == 30
    assert kinds.keys() == SCREENED | REFUSED
    assert kinds["huge"] == 2 and kinds["duplicate"] >= 2 and kinds["blurred"] >= 2
    assert 2 <= len(list(place.iterdir())) <= 3


def test_folder_is_screened_and_refused_as_announced(folder: tuple[Path, dict[str, int]]) -> None:
    place, kinds = folder
    outcomes: Counter[str] = Counter()
    for path in files(place):
        data = path.read_bytes()
        try:
            rgb = decode(data, path.suffix, 224)
        except ImageRefused as refused:
            kind = [kind for kind, words in REASONS.items() if str(refused).startswith(words)]
            assert len(kind) == 1, str(refused)
            outcomes[kind[0]] += 1
        else:
            outcomes[str(ungradable(rgb)).partition(":")[0]] += 1
    assert outcomes.pop("blurred") == kinds["blurred"]
    assert outcomes.pop("no colour") == kinds["png 16 bit"]
    assert outcomes.pop("None") == sum(kinds[kind] for kind in SCREENED - {"blurred", "png 16 bit"})
    assert outcomes == dict.fromkeys(REFUSED, 1)


def test_duplicates_are_exact(folder: tuple[Path, dict[str, int]]) -> None:
    place, kinds = folder
    checksums = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files(place))
    assert sum(number - 1 for number in checksums.values()) == kinds["duplicate"]


def test_names_say_nothing_medical(folder: tuple[Path, dict[str, int]]) -> None:
    words = " ".join(str(path.relative_to(folder[0])).lower() for path in files(folder[0]))
    for word in ("lesion", "malig", "benign", "melan", "naev", "nev", "skin", "patient", "derm", "trunc", "cmyk"):
        assert word not in words


def test_the_same_seed_writes_the_same_files() -> None:
    for kind in ("jpeg", "png 16 bit", "jpeg rotated", "animated"):
        first, again = (_encode(kind, 9, np.random.default_rng(1)) for _ in range(2))
        assert first == again


def test_too_few_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^expected a count of at least 24, received 23$"):
        draw_folder(tmp_path, MIN_FILES - 1)
    assert sum(draw_folder(tmp_path, MIN_FILES).values()) == MIN_FILES == len(files(tmp_path))
