"""An evaluation from what was typed to its result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cli import evaluation_images
from cli.active import active_name
from cli.evaluation_images import Image
from cli.evaluation_result import Result
from cli.figures import plural
from cli.output import talk
from cli.progress import progress
from models.catalogue import find
from models.errors import UsageFault
from models.evaluation.cases import Case
from models.evaluation.evaluation import evaluate
from models.evaluation.grouping import together
from models.evaluation.label_words import Known
from models.evaluation.labels import know, read_rows, strangers, with_groups
from models.evaluation.parts import Known as InSplit
from models.evaluation.parts import known_images, used_for
from models.evaluation.predictive import PREVALENCES
from models.manifest import Manifest
from models.printable import printable
from models.version import ModelVersion
from storage.paths import is_folder
from storage.settings import Settings, from_environment

Points = dict[str, float]  # name of an operating point -> threshold


@dataclass(frozen=True)
class Order:
    """What was typed. ``source``: a folder or the id of a batch."""

    source: str
    labels: Path | None = None
    model: str | None = None
    operating_point: str | None = None
    prevalences: tuple[float, ...] = ()
    subgroup: str | None = None
    groups: Path | None = None
    malignant: tuple[str, ...] = ()  # names of the labels, other than the model version's own, that count as such
    ring: float | None = None  # radius of a dark ring to draw on every image of a folder, in halves of its shorter side


@dataclass(frozen=True)
class _Taken:
    """Where the images come from, and which of the thresholds judges."""

    kind: str
    version: ModelVersion
    images: Sequence[Image]
    points: Points
    policy: str
    erased: int = 0  # images of a batch that are not among these


def evaluate_source(order: Order) -> Result:
    """Label, score where need be, and measure.

    Raises UsageFault (labels, options, a batch that is not complete), ModelInvalid.
    """
    settings = from_environment()
    folder = is_folder(order.source)
    if order.ring and not folder:
        raise UsageFault("--ring draws on images before they are screened: expected a folder, received a batch")
    taken = _from_folder(order, settings) if folder else _from_batch(order, settings)
    targets = [image.target for image in taken.images]
    if not targets:
        raise UsageFault(f"there is no image in {order.source}: expected at least one")
    rows = read_rows(order.labels, order.subgroup, _say_unused) if order.labels else None
    classes = taken.version.manifest.classes
    known = know(targets, rows, [image.scorable for image in taken.images], classes, order.malignant, order.subgroup)
    if elsewhere := strangers(targets, rows or []):
        of = f"{len(elsewhere)} of the {plural(len(rows or []), 'row')} of the labels"
        talk(printable(f"Passed over {of}, which name no image here; the first: {elsewhere[0]}."))
    if order.malignant and not order.subgroup:  # how it does on each diagnosis is the first that one wants to know
        known = [replace(item, subgroup=item.word) for item in known]
    from_labels = any(item.group for item in known)
    if order.groups:
        known = with_groups(targets, known, order.groups)
    in_split = known_images(taken.version)
    images = taken.images
    if any(image.state == "" for image in images):
        network = evaluation_images.network_of(taken.version, settings.home)
        images = evaluation_images.scored(images, network, order.ring)
    # labels are checked before the network runs: a slip in a CSV must not cost an hour
    given = "--groups" if order.groups else "the labels" if from_labels else None
    groups, groups_from = (_named(images, known), given) if given else _found(images, in_split or {})
    cases = _cases(images, known, in_split or {}, groups)
    if not cases:
        raise UsageFault(f"none of the {len(images)} images could be scored; `screen submit` reports each reason")
    with progress("Measuring") as bar:
        evaluation = evaluate(
            cases,
            list(taken.points.items()),
            tuple(dict.fromkeys(order.prevalences)) or PREVALENCES,
            has_split=in_split is not None,
            used_for=used_for(taken.version.manifest),
            classes=classes,
            on_set=bar.update,
        )
    return Result(
        source=taken.kind,
        name=order.source,
        version=taken.version,
        policy=taken.policy,
        groups_from=groups_from,
        subgroup=order.subgroup or ("label" if order.malignant else None),
        images=images,
        labels=[item.label for item in known],
        class_names=[item.class_name for item in known],
        malignant=order.malignant,
        evaluation=evaluation,
        made=datetime.now(UTC),
        ring=order.ring,
        erased=taken.erased,
    )


def _say_unused(columns: Sequence[str]) -> None:
    named = printable(", ".join(columns))
    talk(f"Columns of the labels that were not used: {named}. --subgroup NAME measures each value of one of them.")


def _from_folder(order: Order, settings: Settings) -> _Taken:
    version = find(order.model or active_name(settings), settings.home)
    points = _points(version.manifest)
    policy = _chosen(order.operating_point, points) or version.manifest.default_operating_point
    images = evaluation_images.of_folder(Path(order.source), settings.home)
    return _Taken("folder", version, images, points, policy)


def _from_batch(order: Order, settings: Settings) -> _Taken:
    from storage.batches import batch_and_policy
    from storage.counts import batch_ids
    from storage.migrate import open_database
    from storage.name_on_record import expect_model_of_batch, expect_same_weights

    if os.path.lexists(order.source):
        raise UsageFault(f"expected a folder or a batch, received a file: {order.source}")
    with closing(open_database(settings)) as database, database.read() as session:
        if order.source not in batch_ids(session):
            raise UsageFault(f"{order.source!r} is neither a folder nor a batch; `screen status` lists the batches")
        images, erased = evaluation_images.of_batch(session, order.source)
        batch, judge = batch_and_policy(session, order.source)
        if order.model not in (None, batch.model):
            raise UsageFault(
                f"batch {order.source} was screened with {batch.model}, not with {order.model}; "
                "evaluate its folder to measure another model version"
            )
        version = find(batch.model, settings.home)
        expect_model_of_batch(batch.id, batch.weights, batch.scoring, version.manifest)
        if batch.weights is None:  # of long ago: what the records say of the name since then is all there is
            expect_same_weights(session, version.manifest)
        points = _points(version.manifest)
        policy = judge.name
        if points.get(judge.name) != judge.threshold:  # an older version of the policy
            policy = judge.label
            points = {policy: judge.threshold} | points
    return _Taken("batch", version, images, points, _chosen(order.operating_point, points) or policy, erased)


def _points(manifest: Manifest) -> Points:
    return {name: point.threshold for name, point in manifest.operating_points.items()}


def _chosen(wanted: str | None, points: Points) -> str | None:
    if wanted is not None and wanted not in points:
        raise UsageFault(f"no operating point {wanted!r}: expected one of {', '.join(points)}")
    return wanted


def _named(images: Sequence[Image], known: Sequence[Known]) -> list[str]:
    """The groups that somebody named; an image without one is alone."""
    return [f"group {item.group}" if item.group else _alone(image) for image, item in zip(images, known, strict=True)]


def _found(images: Sequence[Image], in_split: dict[str, InSplit]) -> tuple[list[str], str]:
    """The groups where nobody named any, and where they come from.

    Images of one patient are a group, and so are copies by the split. Both are joined, also where copies lie with two
    patients: they are one lesion all the same, and groups that are too large make no interval too narrow.
    """
    keys, sources = [], set[str]()
    for image in images:
        checksum = image.target.checksum
        own = [_alone(image)] if checksum else []
        if image.patient:
            own.append(f"patient {image.patient}")
            sources.add("the patients of the batch")
        if checksum in in_split:
            own.append(f"group {in_split[checksum].group}")
            sources.add("the split")
        keys.append(own)
    return together(keys), " and ".join(sorted(sources)) or "none"


def _alone(image: Image) -> str:
    return f"image {image.target.checksum}"


def _cases(
    images: Sequence[Image], known: Sequence[Known], in_split: dict[str, InSplit], groups: Sequence[str]
) -> list[Case]:
    """The scored images with all that is known about them."""
    cases = []
    for image, item, group in zip(images, known, groups, strict=True):
        if image.probability is None or item.label is None:
            continue
        of_split = in_split.get(image.target.checksum or "")
        cases.append(
            Case(
                label=item.label,
                probability=image.probability,
                group=group,
                part=of_split.part if of_split else "",
                subgroup=item.subgroup,
                reason=image.reason,
                class_name=item.class_name,
                by_class=image.by_class,
            )
        )
    return cases
