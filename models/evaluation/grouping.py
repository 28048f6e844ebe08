"""Which images belong together, where several things may say so."""

from __future__ import annotations

from collections.abc import Sequence

from models.training.duplicates import Groups


def together(keys: Sequence[Sequence[str]]) -> list[str]:
    """The names of the groups of n images, in whatever order they come.

    Args:
        keys: for each image what it shares with those that it belongs to, as a patient and a picture of which it is a
            copy. Images with a key in common are one group, also where only a third one links them.

    Returns: for each image the first in the alphabet of the keys of its group; "" for an image without keys.
    """
    groups, first = Groups(len(keys)), dict[str, int]()
    for number, own in enumerate(keys):
        for key in own:
            groups.unite(number, first.setdefault(key, number))
    names: dict[int, str] = {}
    for key in sorted(first):
        names.setdefault(groups.root(first[key]), key)
    return [names.get(groups.root(number), "") for number in range(len(keys))]
