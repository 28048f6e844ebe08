"""No URL is shown with its password, however oddly it is written."""

from __future__ import annotations

import pytest

from storage.secrets import hide_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://clinic:s3cret@db.example:5432/screening", "postgresql://clinic:***@db.example:5432/screening"),
        ("postgresql+psycopg://clinic:s3cret@db/x", "postgresql+psycopg://clinic:***@db/x"),
        ("redis://:s3cret@cache:6379/0", "redis://:***@cache:6379/0"),
        ("rediss://u:s3cret@cache", "rediss://u:***@cache"),
        ("postgresql://clinic@db/x", "postgresql://clinic@db/x"),
        ("postgresql://db:5432/x", "postgresql://db:5432/x"),
        ("postgresql://db/x?password=s3cret", "postgresql://db/x?***"),
        ("postgresql:///x?host=/run/pg&password=s3cret", "postgresql:///x?***"),
        ("sqlite:////var/lib/dermscreen.db", "sqlite:////var/lib/dermscreen.db"),
        ("sqlite:///relative.db", "sqlite:///relative.db"),
        ("redis+socket:///run/valkey.sock", "redis+socket:///run/valkey.sock"),
        ("redis+socket://:s3cret@/run/valkey.sock?virtual_host=1", "redis+socket://:***@/run/valkey.sock?***"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_shown(url: str, shown: str) -> None:
    assert hide_secrets(url) == shown


@pytest.mark.parametrize(
    "password", ["s3cret", "s3cr/et", "s3cr?et", "s3cr#et", "s3cr@et", "s3cr:et", "s3cr[et", "%2Fs3cr"]
)
@pytest.mark.parametrize("scheme", ["postgresql://", "redis://", "s3://", ""])
def test_passwords_that_should_have_been_quoted_are_hidden_too(scheme: str, password: str) -> None:
    shown = hide_secrets(f"{scheme}clinic:{password}@db.example/screening?sslkey=s3cret")
    assert "s3cr" not in shown and "et@" not in shown
    assert shown == f"{scheme}clinic:***@db.example/screening?***"
