"""Folders behind a URL (s3://, gs://, ...), through fsspec."""

from __future__ import annotations

import re

from models.errors import ServiceUnreachable, UsageFault
from models.extras import to_install

# what fsspec would also take (http://, chained URLs) is not a place to read a patient's images from
SCHEMES = {"s3", "gs", "gcs", "memory"}
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def is_url(path: str) -> bool:
    """Whether a path is a URL rather than a name on the local disk."""
    return bool(_URL.match(path))


def how_to_reach(url: str) -> str:
    """What to install for a URL's store, as the end of a sentence; nothing for one that has no extra."""
    extra = {"s3": "s3", "gs": "gcs", "gcs": "gcs"}.get(url.partition("://")[0])
    return f"; it takes the extra {extra}: {to_install(extra)}" if extra else ""


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
        raise UsageFault(f"{scheme}:// cannot be read: {error}{how_to_reach(url)}") from error
    except OSError as error:
        raise ServiceUnreachable(f"the storage behind {scheme}:// does not answer: {error}") from error
    if not names:
        raise UsageFault(f"no files below {url}")
    return [files.unstrip_protocol(name) for name in names]
