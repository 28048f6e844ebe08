"""The findings in a folder of training data, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from cli import output
from models.printable import printable
from models.training.cues import MAY_BE_MEDICINE
from models.training.data_check import ClassFacts, DataCheck
from models.training.files import told
from models.training.shortcuts import Shortcut

SHOWN = 20  # of each long list; --json and --groups-output have all
SIZES = 3


CLASS_COLUMNS = ["class", "images", "share", "dark corners", "unreadable", "sizes", "formats"]
CUE_COLUMNS = ["cue", "class", "ROC-AUC", "giveaway", "of the others"]


def show(found: DataCheck) -> None:
    """Print the summary; the gravest comes last, where the eye is when a terminal stops scrolling."""
    output.table("Classes", CLASS_COLUMNS, [cells(facts) for facts in found.classes])
    if found.shortcuts:
        output.table("Cues that are not the lesion", CUE_COLUMNS, [cue_cells(cue) for cue in found.shortcuts])
    for line in lines(found):
        output.data(line)


def lines(found: DataCheck) -> Iterator[str]:
    """What stands below the tables."""
    yield copies(found)
    if others := found.passed_over - len(found.nested):
        yield f"{others} files passed over, as training does: their extension is that of no picture"
    yield from (f"WARNING: {sentence}" for sentence in warnings(found))
    yield from _listed(f"{len(found.unreadable)} unreadable", [f"{x.image}: {x.reason}" for x in found.unreadable])
    yield from _listed(
        f"{len(found.conflicts)} label conflicts", [", ".join(x.image for x in g) for g in found.conflicts]
    )
    if found.one_class:
        yield one_class(found)
    yield "sound: every file can be read, no labels conflict" if found.sound else "not sound: see above"


def one_class(found: DataCheck) -> str:
    """What is wrong with a folder of one class."""
    return (
        f"one class alone, {found.one_class}: expected a folder for each of two or more, such as benign/ and "
        "malignant/; there is nothing to tell apart"
    )


def copies(found: DataCheck) -> str:
    """How many near-duplicates there are."""
    images = sum(map(len, found.groups))
    return f"near-duplicates: {images} images in {len(found.groups)} groups; {found.exact_copies} of them exact copies"


def cells(facts: ClassFacts) -> list[str]:
    """One class: label, images, share, dark corners, unreadable, sizes, formats."""
    return [
        facts.label,
        str(facts.images),
        percent(facts.share),
        percent(facts.dark_corners),
        str(facts.unreadable),
        _most_frequent(facts.sizes),
        _most_frequent(facts.formats),
    ]


def cue_cells(shortcut: Shortcut) -> list[str]:
    """One cue: name, class, ROC-AUC, share of the class, share of the others."""
    end = "has it" if shortcut.direction == "yes" else shortcut.direction
    return [
        shortcut.cue,
        shortcut.label,
        _strength(shortcut),
        f"{percent(shortcut.share)} ({end})",
        percent(shortcut.share_others),
    ]


def warnings(found: DataCheck) -> Iterator[str]:
    """One sentence for pictures that nobody reads, and one for each cue that tells a class by itself."""
    if found.nested:
        yield f"passed over, as by training: {told(found.nested)}."
    yield from (warning(shortcut) for shortcut in found.shortcuts if shortcut.warned)


def warning(shortcut: Shortcut) -> str:
    """What the cue gives away, in words."""
    shares = f"{percent(shortcut.share)} of {shortcut.label} and {percent(shortcut.share_others)} of the others"
    if shortcut.direction == "yes":
        said = f"{shortcut.cue}: {shares} have it"
    else:
        side = "above" if shortcut.direction == "high" else "below"
        said = f"{shortcut.cue}: {shares} are {side} what 99 % of the others have"
    said += f"; ROC-AUC {_strength(shortcut)}. A network can learn this instead of the lesion"
    return said + (" (the lesion may cause part of it)." if shortcut.cue in MAY_BE_MEDICINE else ".")


def _strength(shortcut: Shortcut) -> str:
    """The ROC-AUC with the end that speaks for the class, so that 0.5 says nothing and 1 everything."""
    if shortcut.roc_auc >= 0.5:
        return f"{shortcut.roc_auc:.3f}, higher"
    return f"{1 - shortcut.roc_auc:.3f}, lower"


def percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _most_frequent(counts: dict[str, int]) -> str:
    shown = ", ".join(f"{name} ({number})" for name, number in list(counts.items())[:SIZES])
    return shown + (f", {len(counts) - SIZES} more" if len(counts) > SIZES else "")


def _listed(title: str, items: list[str]) -> Iterator[str]:
    if not items:
        return
    yield f"{title}:"
    yield from (f"  {printable(item)}" for item in items[:SHOWN])
    if len(items) > SHOWN:
        yield f"  and {len(items) - SHOWN} more: --json has all"
