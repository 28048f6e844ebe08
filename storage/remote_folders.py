"""Folders behind a URL (s3://, gs://, ...), through fsspec."""

from __future__ import annotations

import re

from models.errors import ServiceUnreachable, UsageFault

# what fsspec would also take (http://, chained URLs) is not a place to read a patient's images from
SCHEMES = {"s3", "gs", "gcs", "memory"}
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def is_url(path: str) -> bool:
    """Whether a path is a URL rather than a name on the local disk."""
    return bool(_URL.match(path))


def list_url(url: str) -> list[str]:
    """URLs of all files below a URL. Raises UsageFault (no such protocol or folder) or ServiceUnreachable."""
    import fsspec

    scheme = url.partition("://")[0]

    if scheme not in SCHEMES:
        raise UsageFault(f"{scheme}:// cannot be read: expected a local path, s3:// or gs://")
    try:
        files, root = fsspec.core.url_to_fs(url)
        names = files.find(root)
    except (ImportError, ValueError) as error:
        raise UsageFault(f"{scheme}:// cannot be read: {error}; install its extra (s3 or gcs)") from error
    except OSError as error:
        raise ServiceUnreachable(f"the storage behind {scheme}:// does not answer: {error}") from error
    if not names:
        raise UsageFault(f"no files below {url}")
    return [files.unstrip_protocol(name) for name in names]
