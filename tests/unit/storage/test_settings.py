"""Times that a site may set, in whole seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import UsageFault
from storage.settings import Settings, from_environment

TIMES = {"DERMSCREEN_LEASE_SECONDS": "7", "DERMSCREEN_VISIBILITY_SECONDS": "30"}


def test_times_are_read_and_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in TIMES.items():
        monkeypatch.setenv(name, text)
    settings = from_environment()
    assert (settings.lease_seconds, settings.visibility_seconds) == (7.0, 30)
    assert settings.as_environment().items() >= TIMES.items()


def test_without_a_setting_the_measured_times_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TIMES:
        monkeypatch.setenv(name, "")
    settings = from_environment()
    assert (settings.lease_seconds, settings.visibility_seconds) == (120.0, 900)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "soon", "٣"])
@pytest.mark.parametrize("name", list(TIMES))
def test_a_time_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(UsageFault, match=f"^{name}: expected a whole number of seconds above 0, received"):
        from_environment()


@pytest.mark.parametrize("name", ["DERMSCREEN_HOME", "DERMSCREEN_AUDIT_KEY"])
def test_a_home_of_nobody(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "~nobody-is-called-so/site")
    with pytest.raises(UsageFault, match=f"no home is known of ~nobody-is-called-so/site: name a folder in {name}"):
        from_environment()


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DERMSCREEN_HOME", "HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(UsageFault, match="no home is known of this user: name a folder in DERMSCREEN_HOME"):
        from_environment()


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in its place")
    with pytest.raises(UsageFault, match=r"the data folder .*file/home cannot be made.*DERMSCREEN_HOME"):
        Settings(home=tmp_path / "file" / "home").make_home()
