"""Cues measure what their names say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cli.drawn_lesions import draw_lesion
from models.formats import ImageFormat
from models.inspection import ImageFacts
from models.training.cues import CUES, cues_of, cues_of_file, jpeg_quality
from models.training.fingerprints import lit_area, luminance, small


def measured(image: Image.Image) -> dict[str, float]:
    rgb = small(np.asarray(image))[None]
    grey = luminance(rgb)
    return dict(zip(CUES, cues_of(rgb, grey, lit_area(grey))[0].tolist(), strict=False))


def jpeg(quality: int) -> bytes:
    out = io.BytesIO()
    draw_lesion(1, width=80, height=70).save(out, "JPEG", quality=quality)
    return out.getvalue()


def test_colours_of_an_even_picture() -> None:
    cues = measured(Image.new("RGB", (90, 90), (200, 100, 50)))
    assert cues["dark corners"] == 0
    assert cues["lit share"] == 1
    assert cues["brightness"] == pytest.approx(0.299 * 200 + 0.587 * 100 + 0.114 * 50, abs=0.01)
    assert cues["saturation"] == pytest.approx(0.75)
    assert cues["tint red-blue"] == cues["border red-blue"] == pytest.approx(150)
    assert cues["tint green-magenta"] == pytest.approx(-25)
    assert cues["border brightness"] == pytest.approx(cues["brightness"], abs=0.01)


def test_a_round_field_has_dark_corners_and_its_brightness_is_that_of_the_skin() -> None:
    field, plain = (draw_lesion(2, width=224, height=224, field=given) for given in (True, False))
    with_field, without = measured(field), measured(plain)
    assert (with_field["dark corners"], without["dark corners"]) == (1, 0)
    assert with_field["lit share"] < 0.95 < without["lit share"]
    assert with_field["border brightness"] < without["border brightness"] - 30
    assert with_field["brightness"] == pytest.approx(without["brightness"], rel=0.2)


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
def test_the_quality_of_a_jpeg_is_read_off_its_table(quality: int) -> None:
    assert jpeg_quality(jpeg(quality)) == pytest.approx(quality, abs=1)


def test_what_is_no_jpeg_has_no_quality() -> None:
    assert np.isnan(jpeg_quality(b"\x89PNG"))
    assert np.isnan(jpeg_quality(b"\xff\xd8\xff nonsense"))


def test_cues_of_a_file() -> None:
    data = jpeg(75)
    assert cues_of_file(data, ImageFacts(ImageFormat.JPEG, 80, 160, 1, "RGB")) == [len(data), 12800, 2.0, 75.0]
