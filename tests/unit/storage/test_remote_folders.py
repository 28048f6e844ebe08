"""A store that this installation cannot read says what to install."""

from __future__ import annotations

import sys

import pytest

from models.errors import UsageFault
from storage.remote_folders import how_to_reach, list_url


@pytest.mark.parametrize(("scheme", "package", "extra"), [("s3", "s3fs", "s3"), ("gs", "gcsfs", "gcs")])
def test_a_missing_package_names_its_extra(
    scheme: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    words = rf"^{scheme}:// cannot be read: .*; it takes the extra {extra}: pip install -e '\.\[{extra}\]' in "
    with pytest.raises(UsageFault, match=words):
        list_url(f"{scheme}://bucket/clinic")


def test_what_has_no_extra_names_none() -> None:
    assert how_to_reach("memory://clinic") == ""
