"""`screen model train`: make a model version from labelled images."""

from __future__ import annotations

from pathlib import Path

import click

from models.training.presets import PRESETS

CALIBRATIONS = ("temperature", "isotonic")  # as models.calibration.FITTED, which imports numpy
VIEWS = (1, 2, 4)  # as models.views.VIEWS


@click.command("train")
@click.option("--architecture", type=click.Choice(sorted(PRESETS)), default="hidri", show_default=True)
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the folders benign/ and malignant/, or with --malignant a folder for each class.",
)
@click.option(
    "--malignant",
    metavar="NAME,...",
    multiple=True,
    help="The class folders of --data that count as malignant, such as akiec,bcc,mel; may be repeated. Every folder "
    "with pictures is then a class. Default: malignant.",
)
@click.option(
    "--output",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the new model version; its run/ keeps checkpoints and TensorBoard logs.",
)
@click.option(
    "--groups",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV (group,image) of near-duplicates, as `screen model check-data --groups-output` writes it; a group never "
    "spans two parts of the split. Default: they are found first.",
)
@click.option(
    "--data-notes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON with what is known of the data (name, source, licence, leaks, limits), for the model card.",
)
@click.option("--name", help="Name of the model version. Default: the name of the output folder.")
@click.option(
    "--calibration",
    type=click.Choice(CALIBRATIONS),
    help="How probabilities are calibrated. Default: by temperature after ImageNet's weights, else not at all.",
)
@click.option(
    "--views",
    type=click.Choice(VIEWS),
    default=1,
    show_default=True,
    help="Average over so many mirror images; screening takes so many times longer.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="At most so many epochs. Default: the recipe's.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),  # those of numpy
    default=7,
    show_default=True,
    help="Same seed, same data: same weights.",
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--json", "as_json", is_flag=True, help="Print the new manifest.")
def command(
    architecture: str,
    data: Path,
    malignant: tuple[str, ...],
    folder: Path,
    groups: Path | None,
    data_notes: Path | None,
    name: str | None,
    calibration: str | None,
    views: int,
    epochs: int | None,
    seed: int,
    resume: bool,
    as_json: bool,
) -> None:
    """Train a network, choose its thresholds, measure it on images it has not seen, and write a model version.

    The data is split by near-duplicate group into train, validation, calibration and test; weights are fitted on
    the first, epochs picked on the second (the recipes of EfficientNet pick none and learn from it too), thresholds
    on the third, and the fourth alone is reported.

    The version judges by sensitivity-95, if the third part (a tenth of the data) has the 73 malignant images that this
    takes; with fewer by sensitivity-90 (35), and with still fewer by f1, which promises no sensitivity. stderr says by
    which at the end.

    Of several classes the network says a probability each; thresholds judge the sum over the malignant ones.

    \b
    Example:
      screen model train --data lesions --output my-model --groups near_duplicates.csv
      screen model train --data lesions --output my-model --resume
      screen model train --data ham10000 --malignant akiec,bcc,mel --output my-classes
    """
    from cli import output
    from cli.asked_file import expect_writable
    from cli.class_names import class_names
    from cli.judging_point import judging_point
    from cli.training_progress import TrainingProgress
    from models.errors import UsageFault
    from models.extras import to_install
    from models.version import open_version

    try:
        from models.training.class_folders import class_folders, passed_over
        from models.training.data_notes import read_notes
        from models.training.files import nested, told
        from models.training.fit import train
        from models.training.order import Order
        from models.training.run_folder import COPIES, begun, expect_to_go_on
        from models.training.split import no_images, read_groups
    except ImportError as error:
        how = to_install("train,cpu")
        raise UsageFault(f"training needs the extras train and cpu or gpu (missing: {error.name}): {how}") from error
    notes = read_notes(data_notes) if data_notes else {}
    named = class_names(malignant)
    # before the copies are looked for: that takes minutes
    if others := passed_over(data, class_folders(data, named)):
        output.talk(
            f"Passed over the folders {', '.join(others)}: without --malignant the classes are benign, malignant."
        )
    if deeper := nested(data):
        output.talk(f"Passed over {told(deeper)}.")
    if strangers := no_images(read_groups(groups), data):
        output.talk(
            f"Warning: the file of groups names {len(strangers)} images that are not in the data folder, such as "
            f"{strangers[0]} (expected the path below it, {named[0] if named else 'benign'}/NAME): if they mean images "
            "that are there, copies of those may be measured on."
        )
    run_folder = folder / "run"
    kept = run_folder / COPIES
    order = Order(
        architecture=architecture,
        data=data,
        output=folder,
        name=name or folder.absolute().name,
        groups=groups or kept,
        epochs=epochs,
        seed=seed,
        resume=resume,
        malignant=named,
        calibration=calibration,
        views=views,
        data_notes=notes,
    )
    expect_writable(kept, "the model version")
    try:
        run_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageFault(f"the model version cannot be written to {folder}: {error.strerror or error}") from error
    expect_to_go_on(run_folder, order.recipe, resume)
    # a run goes on with the groups that it began with; before that, pictures may have come since they were found
    if groups is None and not (begun(run_folder) and kept.exists()):
        from cli.finding_copies import find_copies

        find_copies(data, kept, class_folders(data, named).names)
    with TrainingProgress() as progress:
        train(order, progress)
    manifest = open_version(folder).manifest
    for line in judging_point(manifest):
        output.talk(line)
    if as_json:
        output.data_json(manifest.raw)
    else:
        output.data(f"{manifest.name}: test ROC-AUC {manifest.metrics['test']['roc_auc']:.4f}, written to {folder}")
