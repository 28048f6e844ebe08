"""Why two scores of the same bytes may differ is read off what was recorded, and never guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from worker.environment import Environment, present_environment, recorded_environment, why_different

THEN = Environment("keras 3.12.0, numpy 2.3.1", "cpu: one", "dermscreen 0.1.0", "ward")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"libraries": "keras 3.13.0, numpy 2.3.1"}, "another engine: keras 3.12.0 then, 3.13.0 now"),
        ({"libraries": "keras 3.12.0, numpy 2.3.1, torch 2.9.0"}, "another engine: torch not used then, 2.9.0 now"),
        ({"device": "gpu: other"}, "another engine: cpu: one then, gpu: other now"),
        ({"host": "cellar"}, "the same libraries and kind of processor, on another machine (ward then, cellar now)"),
        ({"software": "dermscreen 0.2.0"}, "the same libraries and device, another release: dermscreen 0.1.0 then"),
        ({}, "the same libraries, device, machine and release: this should not be, and is a finding"),
    ],
)
def test_what_changed_is_named(changes: dict[str, str], why: str) -> None:
    assert why_different(THEN, replace(THEN, **changes)).startswith(why)


def test_what_was_not_recorded_is_not_guessed() -> None:
    then = recorded_environment({"event": "image.decided", "software": "dermscreen 0.1.0"})
    assert then.shown() == {
        "libraries": "not recorded", "device": "not recorded", "software": "dermscreen 0.1.0", "host": "not recorded",
    }  # fmt: skip
    why = "the libraries and the device of then are not recorded: whether another engine did it cannot be told"
    assert why_different(then, THEN) == why
    assert why_different(replace(THEN, libraries=""), THEN).startswith("the libraries of then are not recorded")


def test_this_process_says_what_it_is() -> None:
    now = present_environment()
    assert "numpy " in now.libraries and "pillow " in now.libraries
    assert now.device.startswith(("cpu: ", "gpu: "))
    assert "not recorded" not in now.shown().values()
