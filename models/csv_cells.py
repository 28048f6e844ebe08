"""Text in the cells of a CSV that a person may open in a spreadsheet: no cell is run as a formula.

OWASP, CSV injection: a cell is run when it begins with = + - @, a tab or the end of a line; so do the full-width forms
of the four signs. A spreadsheet that takes ; or a tab for the separator, as in much of Europe, finds cells inside ours.
"""

from __future__ import annotations

import re

_SIGNS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_SPACE = r"[\s\ufeff\u200b\"']*"  # what readers skip: blanks, quotes, marks without a width
_RUN_AT_START = rf"(?={_SPACE}(?:{_SIGNS}|[\t\r\n]))"
_RUN_INSIDE = rf"(?<=[;\t\r\n])(?={_SPACE}{_SIGNS})"
_MARK = re.compile(rf"\A{_RUN_AT_START}|{_RUN_INSIDE}")
_MARKED = re.compile(rf"\A'{_RUN_AT_START}|(?<=[;\t\r\n])'(?={_SPACE}{_SIGNS})")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def harmless(cell: str) -> str:
    """The cell with a ' before whatever would be run. Numbers stay numbers, the negative ones too."""
    return cell if _NUMBER.fullmatch(cell) else _MARK.sub("'", cell)


def original(cell: str) -> str:
    """The cell before it was made `harmless`."""
    return _MARKED.sub("", cell)
