"""The words that label an image, and what each says: benign, malignant, or a class that counts as one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.classes import Classes
from models.errors import UsageFault
from models.training.split import LABELS


@dataclass(frozen=True)
class Known:
    """What is known about one image: label 0 benign / 1 malignant, None where nobody said.

    ``class_name``: of which class it is, by the model version's name for it or, where somebody says which of his own
    names count as malignant, by that; "" where only benign or malignant was said.
    """

    label: int | None = None
    group: str = ""
    subgroup: str = ""
    class_name: str = ""

    @property
    def word(self) -> str:
        """What somebody said of it."""
        return self.class_name or ("" if self.label is None else LABELS[self.label])

    def contradicts(self, other: Known) -> bool:
        """Whether both cannot be true of one image. Benign does not contradict a class that counts as benign."""
        if self.label is None or other.label is None:
            return False
        names = {item.class_name.lower() for item in (self, other) if item.class_name}
        return self.label != other.label or len(names) > 1


NUMBERS = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}  # as spreadsheets and programs write them


class Words:
    """Words in any capitals: benign, malignant, `NUMBERS`, the names of several classes, and names from elsewhere.

    Numbers are labels in a column of labels alone, unless they are names of classes or in ``malignant``: a folder may
    be called so for a patient or a round. With ``malignant``, a folder 0 counts as benign, like any other name.

    ``malignant``: names, of whatever classes, that count as malignant. With one, every other name that somebody gave
    a class counts as benign, as in training; without one there are no names from elsewhere. Raises UsageFault for a
    name that counts as benign already.
    """

    def __init__(self, classes: Classes, malignant: Sequence[str] = ()) -> None:
        self._known = {word: Known(n) for word, n in (NUMBERS | {name: n for n, name in enumerate(LABELS)}).items()}
        names = list(classes.names) if classes.several else []
        if classes.several:
            self._known |= {
                name.lower(): Known(int(name in classes.malignant), class_name=name) for name in classes.names
            }
        self._numbers = NUMBERS.keys() - {name.lower() for name in names}
        for name in malignant:
            if name.lower() in self._numbers and NUMBERS[name.lower()]:
                self._known[name.lower()] = Known(1, class_name=name)
                self._numbers.remove(name.lower())
        if malignant:
            self._numbers = {word for word in self._numbers if NUMBERS[word]}
        for name in malignant:
            if not self._known.setdefault(name.lower(), Known(1, class_name=name)).label:
                raise UsageFault(
                    f"--malignant {name}: expected a name that does not count as benign already, as {LABELS[0]} does, "
                    "and classes that do so by the manifest of the model version"
                )
        names += [name for name in malignant if name not in (*names, *LABELS)]
        others = ["any other name, which counts as benign"] if malignant else []
        self.all = ", or ".join([*([", ".join(names)] if names else []), " or ".join(LABELS), *others])
        self._elsewhere: dict[str, Known] | None = {} if malignant else None

    def read(self, word: str, *, elsewhere: bool = True, folder: bool = False) -> Known | None:
        """What a word says; None: it is no label.

        ``elsewhere``: it may be a name that only somebody else gave. ``folder``: it is the name of a folder.
        """
        if folder and word in self._numbers:
            return None
        said = self._known.get(word.lower())
        if said is None and elsewhere and self._elsewhere is not None and any(letter.isalpha() for letter in word):
            return self._elsewhere.setdefault(word.lower(), Known(0, class_name=word))
        return said
