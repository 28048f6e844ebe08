"""No URL is shown with its password, however oddly it is written."""

from __future__ import annotations

import pytest

from storage.secrets import hide_secrets, misread


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


@pytest.mark.parametrize(
    ("url", "host", "wrong"),
    [
        ("redis://us:pw@cache:6379/0", "cache", False),
        ("redis://us:pw@Cache", "cache", False),
        ("redis://cache:6379/0", "cache", False),
        ("redis://:pw@[::1]:6379", "::1", False),
        ("postgresql://me@corp:pw@db/x", "db", False),
        ("postgresql://us:pw@/x?host=/run/pg", None, False),
        ("unix:///srv/a@b/valkey.sock", None, False),
        ("sqlite:////srv/a@b/dermscreen.db", None, False),
        ("postgresql://h/db?user=joe@corp", "h", False),
        ("postgresql://us:pw@h/db?sslrootcert=/srv/a@b/ca.pem", "h", False),
        ("redis://us:s3cr?t@127.0.0.1:1/0", "us", True),
        ("redis://us:pw@Part/rest@127.0.0.1:1/0", "part", True),
        ("redis://us:12/pw@127.0.0.1:1/0", "us", True),
        ("postgresql://us:pw@Part/rest@db/x", "Part", True),
        ("postgresql://us:pw@part@db/x", "part@db", True),
        ("postgresql://us:pw@db/x@database", "db", True),
    ],
)
def test_a_host_that_is_a_part_of_the_password(url: str, host: str | None, wrong: bool) -> None:
    assert misread(url, host) is wrong
