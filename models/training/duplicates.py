"""Near-duplicates: re-encoded, resized, turned or mirrored copies of one picture, found among thousands.

Every pair of pictures is compared in all 8 turns and mirrorings, in three steps (see `models.training.fingerprints`):

1. candidates: correlation of the coarse picture (18 x 18) over the area lit in both, above `CANDIDATE`
2. of these, correlation of the detail (72 x 72) over the area lit in both, above `ALIKE`
3. of these, the same moved by up to 2 pixels in each direction, above `CONFIRMED`

The correlation over a common mask is that of D. Padfield, Masked object registration in the Fourier domain, IEEE
Trans. Image Processing 21 (2012), here as three matrix products. Files with equal bytes are one group by SHA-256.

Measured on the 11,879 pictures of a public training set (224 x 224 JPEG) against an earlier list of its copies (464
groups, 952 images, 534 pairs) that was made with a high pass without contrast normalisation. Found: 534 groups of
1,137 images. Of the list's pairs 517 are found; of its groups 455 whole, 2 in part, 7 not at all. Looked at: 4 of the
7 are different lesions in the same black ring, as are 2 pictures of one group in part: errors of the list. The other 3
groups (0.46 to 0.62) and 2 pictures of the other group are the same lesion photographed again. Further: 203 images,
172 of them in 81 groups of which the list has none; of these 81 pairs 79 clearly show one lesion, 2 may. Of the pairs
below `CONFIRMED`, the first that are different lesions come at 0.63.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.fingerprints import SIDE, Fingerprints, Planes

Told = Callable[[int, int], None]  # done, total

CANDIDATE = 0.70
ALIKE = 0.25
CONFIRMED = 0.65

MIN_COMMON = 0.10  # share of the picture lit in both; what correlates on less says nothing
TURNS = 8  # 4 turns by 90 degrees, each also mirrored
UNMOVED, SHIFTS = range(1), range(-2, 3)  # pixels of 72, on either side: copies cropped or turned by a trifle

BLOCK = 1024  # pictures: a matrix of 1024 x 1024 float32 is 4 MB
PAIRS = 64  # pairs confirmed at once: 1.3 MB an array


def duplicate_groups(prints: Fingerprints, checksums: Sequence[str], told: Told) -> list[list[int]]:
    """Groups of pictures that are copies of one another.

    Args:
        prints: the fingerprints of n pictures.
        checksums: SHA-256 of each file, n of them.
        told: is called with the blocks compared so far and all of them.

    Returns:
        Groups of 2 or more positions 0..n-1, each ascending, ordered by their first. A copy of a copy is in the group.
    """
    groups = Groups(len(checksums))
    first: dict[str, int] = {}
    for position, checksum in enumerate(checksums):
        groups.unite(position, first.setdefault(checksum, position))
    unlike = np.array(sorted(first.values()), dtype=np.intp)
    prints = prints if len(unlike) == len(prints) else prints.take(unlike)

    starts = range(0, len(prints), BLOCK)
    done, total = 0, len(starts) * (len(starts) + 1) // 2
    for left in starts:
        for right in starts[left // BLOCK :]:
            for turn in range(TURNS):
                pairs = _candidates(prints, left, right, turn)
                for start in range(0, len(pairs), PAIRS):
                    _confirm(prints, pairs[start : start + PAIRS], turn, groups, unlike)
            done += 1
            told(done, total)
    return groups.of_two_or_more()


class Groups:
    """Positions 0..n-1 united into groups (union-find, R. E. Tarjan, JACM 22 (1975))."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, position: int) -> int:
        """The lowest position of a group."""
        while self._parent[position] != position:
            self._parent[position] = self._parent[self._parent[position]]
            position = self._parent[position]
        return position

    def unite(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low

    def of_two_or_more(self) -> list[list[int]]:
        members: dict[int, list[int]] = {}
        for position in range(len(self._parent)):
            members.setdefault(self.root(position), []).append(position)
        return [group for group in members.values() if len(group) > 1]


def turned(planes: NDArray[Any], turn: int) -> NDArray[Any]:
    """Pictures (n, side, side) turned and mirrored in one of `TURNS` ways; 0 leaves them as they are."""
    if turn & 4:
        planes = planes.swapaxes(1, 2)
    if turn & 2:
        planes = planes[:, ::-1]
    if turn & 1:
        planes = planes[:, :, ::-1]
    return planes


def _candidates(prints: Fingerprints, left: int, right: int, turn: int) -> NDArray[np.intp]:
    """Pairs (m, 2) of one block with another, the first turned, whose coarse pictures are alike."""
    first = _factors(turned(prints.coarse[left : left + BLOCK], turn), turned(prints.weight[left : left + BLOCK], turn))
    second = _factors(prints.coarse[right : right + BLOCK], prints.weight[right : right + BLOCK])
    product = first[0] @ second[0].T
    powers = (first[1] @ second[2].T) * (first[2] @ second[1].T)
    # squared, a root less; the sum of products has the sign
    rows, columns = np.nonzero((product > 0) & (product * product > CANDIDATE**2 * powers) & (powers > 0))
    pairs = np.stack([rows + left, columns + right], axis=1)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def _factors(coarse: NDArray[Any], weight: NDArray[Any]) -> tuple[Planes, Planes, Planes]:
    """Weighted values, weighted squares and weights, each (n, cells)."""
    values = np.asarray(coarse, np.float32).reshape(len(coarse), -1)
    weights = np.asarray(weight, np.float32).reshape(len(weight), -1)
    return values * weights, values * values * weights, weights


def _confirm(prints: Fingerprints, pairs: NDArray[np.intp], turn: int, groups: Groups, names: NDArray[np.intp]) -> None:
    """Unite those pairs whose detail correlates as well."""
    # thousands of copies of one picture give millions of pairs; those already in one group say nothing new
    apart = [groups.root(int(names[a])) != groups.root(int(names[b])) for a, b in pairs]
    pairs = pairs[np.array(apart, dtype=bool)]
    for where, limit in ((UNMOVED, ALIKE), (SHIFTS, CONFIRMED)):
        if not len(pairs):
            return
        pairs = pairs[_best_correlation(prints, pairs, turn, where) > limit]
    for a, b in pairs:
        groups.unite(int(names[a]), int(names[b]))


def _best_correlation(prints: Fingerprints, pairs: NDArray[np.intp], turn: int, shifts: range) -> Planes:
    """The highest of Pearson's correlations of the detail of pairs (m, 2) over all shifts, shape (m,), -1..1.

    Taken over the area lit in both; -1 where that is under `MIN_COMMON`.
    """
    one, one_lit = (_contiguous(turned(x[pairs[:, 0]], turn)) for x in (prints.detail, prints.lit))
    other, other_lit = (_contiguous(x[pairs[:, 1]]) for x in (prints.detail, prints.lit))
    one_power, other_power = one * one, other * other
    best = np.full(len(pairs), -1, np.float32)
    for down in shifts:
        for across in shifts:
            # the detail is 0 where its own picture is not lit, so each product is a sum over the common area
            left, left_lit, left_power = (_moved(x, down, across) for x in (one, one_lit, one_power))
            right, right_lit, right_power = (_moved(x, -down, -across) for x in (other, other_lit, other_power))
            pixels = _products(left_lit, right_lit)
            count = np.maximum(pixels, 1)
            left_sum, right_sum = _products(left, right_lit), _products(left_lit, right)
            common = _products(left, right) - left_sum * right_sum / count
            power = (_products(left_power, right_lit) - left_sum**2 / count) * (
                _products(left_lit, right_power) - right_sum**2 / count
            )
            found = common / np.sqrt(np.maximum(power, 1e-6))
            np.maximum(best, np.where(pixels < MIN_COMMON * SIDE**2, np.float32(-1), found), out=best)
    return best


def _contiguous(planes: NDArray[Any]) -> Planes:
    return np.ascontiguousarray(planes, np.float32)


def _moved(planes: Planes, down: int, across: int) -> Planes:
    """What of pictures overlaps with others that are moved the other way."""
    rows = slice(max(down, 0), SIDE + min(down, 0))
    return planes[:, rows, max(across, 0) : SIDE + min(across, 0)]


def _products(one: Planes, other: Planes) -> Planes:
    """Sums over each picture of the products of its pixels with another's, shape (m,)."""
    sums: Planes = np.einsum("mij,mij->m", one, other)
    return sums
