"""`screen model export`: a model version for another engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.manifest import Manifest

FORMATS = ("onnx", "tflite", "savedmodel")
DRAWN = 32  # pictures, half of them drawn as malignant
PAGE = 16  # pictures a call


@click.command("export")
@click.argument("name")
@click.option("--format", "format_", required=True, type=click.Choice(FORMATS), help="Of what is written.")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="File (onnx, tflite) or folder (savedmodel); OUTPUT.json beside it says how it was checked.",
)
@click.option(
    "--check-images",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Compare on the images of this folder too, besides drawn pictures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what OUTPUT.json holds.")
def command(name: str, format_: str, output: Path, folder: Path | None, as_json: bool) -> None:
    """Write the model version NAME for another engine, after comparing its probabilities with those of Keras.

    What was converted is run by the engine of its format (ONNX Runtime, LiteRT, TensorFlow) over 32 drawn pictures, and
    those of --check-images. A difference above 0.0001 is refused, and nothing is written. Needs the extra export
    (savedmodel: cpu or gpu alone).

    \b
    Example:
      screen model export hidri-2 --format onnx --output hidri-2.onnx
      screen model export hidri-2 --format tflite --output hidri-2.tflite --check-images lesions
    """
    import json

    from cli.output import data, data_json, talk
    from models.catalogue import find
    from models.errors import UsageFault
    from models.extras import to_install
    from models.whole_file import whole_file
    from storage.report import NOTICE
    from storage.settings import from_environment

    version = find(name, from_environment().home)
    try:
        from models.networks.export import export

        facts = export(version, format_, output, _batches(version.manifest, folder))
        check = facts["check"]
        check |= {"drawn": DRAWN, "real": check["pictures"] - DRAWN}
        with whole_file(output.with_name(f"{output.name}.json")) as file:
            json.dump(facts | {"notice": NOTICE}, file, indent=2)
            file.write("\n")
    except ImportError as error:
        raise UsageFault(
            f"exporting to {format_} needs the extras export and cpu or gpu (missing: {error.name}): "
            + to_install("export,cpu")
        ) from error
    except OSError as error:
        raise UsageFault(f"the export cannot be written to {output}: {error.strerror or error}") from error
    if not check["real"]:
        talk("Compared on drawn pictures only; --check-images FOLDER compares on your own images too.")
    if as_json:
        data_json(facts | {"notice": NOTICE})
        return
    data(f"{output}: {name} as {format_}")
    data(
        f"largest difference from Keras {check['largest_difference']:.3g} on {check['pictures']} pictures "
        f"(allowed {check['tolerance']:g}), {check['outcomes_changed']} outcomes changed"
    )
    if version.manifest.calibration.method != "none":
        talk(f"The output is before calibration, the thresholds are for after it: {output.name}.json holds it.")
    if version.manifest.views > 1:
        talk(
            f"One view is exported. The calibration and the thresholds of {name} are for the mean over "
            f"{version.manifest.views} mirror images: average the output over them before you judge it."
        )
    talk(NOTICE)


def _batches(manifest: Manifest, folder: Path | None) -> Iterator[NDArray[np.uint8]]:
    """Prepared pictures in pages, (n, size, size, 3)."""
    import numpy as np

    from storage.paging import pages

    for page in pages(_pictures(manifest, folder), PAGE):
        yield np.stack(page)


def _pictures(manifest: Manifest, folder: Path | None) -> Iterator[Any]:
    """Drawn pictures, then those of a folder; files that cannot be screened are counted and said.

    Raises UsageFault when none of the folder can be: a check on drawn pictures alone must not pass for one on them.
    """
    from pathlib import PurePath

    import numpy as np

    from cli.drawn_lesions import draw_lesion
    from cli.output import talk
    from models.errors import ImageRefused, UsageFault
    from models.preprocessing import prepare, preprocessing
    from scheduler.collect import Collection
    from storage.image_files import read_image_bytes

    for seed in range(DRAWN):
        drawn = draw_lesion(seed, width=300, height=225, malignant=seed % 2 == 1, field=seed % 5 == 0)
        yield preprocessing(manifest.preprocessing)(np.asarray(drawn), manifest.input_size)
    taken = refused = 0
    for found in Collection([str(folder)] if folder else []):
        try:
            if found.problem:
                raise ImageRefused(found.problem)
            data = read_image_bytes(found.location)
            picture = prepare(data, PurePath(found.image).suffix, manifest.preprocessing, manifest.input_size)
        except ImageRefused:
            refused += 1
        else:
            taken += 1
            yield picture
    if folder and not taken:
        raise UsageFault(f"--check-images {folder}: expected at least one image that can be screened, received none")
    if refused:
        talk(f"{refused} files cannot be screened and were left out of the check.")
