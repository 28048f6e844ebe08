"""What belongs together by several signs is one group."""

from __future__ import annotations

from models.evaluation.grouping import together


def test_images_with_a_key_in_common_are_one_group() -> None:
    assert together([["a"], ["b"], ["a"], []]) == ["a", "b", "a", ""]


def test_also_where_a_third_one_links_them() -> None:
    keys = [["image 1", "patient p"], ["image 2", "patient q"], ["image 3", "patient q", "group g"], ["group g"], ["x"]]
    assert together(keys) == ["image 1", "group g", "group g", "group g", "x"]
    assert together(keys[::-1]) == together(keys)[::-1]


def test_images_without_keys_are_never_one_group_with_others() -> None:
    assert together([[], ["a"], []]) == ["", "a", ""]
    assert together([]) == []
