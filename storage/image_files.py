"""Reading the bytes of a picture once, from a local disk or through fsspec, without being led astray.

A location comes from a folder listing or a manifest that other people write, so a local path is opened once
and judged by its descriptor: between a check of the name and an open of the name, the file could change.
"""

import errno
import os
import stat
from pathlib import Path

from models.errors import ImageRefused, PassingFault, ServiceUnreachable, UsageFault
from models.inspection import too_many_bytes
from models.limits import MAX_FILE_BYTES
from storage.inside import folder_inside
from storage.paths import to_path
from storage.remote_folders import how_to_reach

ERASED_LOCATION = ""  # of an image that was erased: no path is empty
_READ_BYTES = 1 << 20  # one call reads a whole usual photograph

GONE = "the file is no longer there"
_DENIED = "permission denied: the file may not be read"
_LINK = "a symbolic link: expected the file itself"
_HARD_LINK = "a hard link: the file has a second name, perhaps outside of the folder; expected a copy of its own"

_REFUSALS = {
    errno.ENOENT: GONE,
    errno.ENOTDIR: GONE,
    errno.ENAMETOOLONG: GONE,  # no file can have this name
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ELOOP: _LINK,  # what O_NOFOLLOW answers on a link
    errno.ENXIO: "a socket or a device: expected a regular file",
    errno.EISDIR: "a folder: expected a regular file",
    errno.EOPNOTSUPP: "a socket: expected a regular file",  # macOS
}

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # opening a FIFO would else wait for a writer


def read_image_bytes(location: str, root: str | None = None, *, one_name: bool = False) -> bytes:
    """Read a picture completely.

    Args:
        location: a local path, a file:// URL, or any other URL that fsspec understands (s3://, gs://, ...);
            "" is that of an erased image.
        root: the location of a folder that the file must lie in; no folder between the two may be a link.
        one_name: refuse a file that has another name (a hard link), which may lie outside of the folder.

    Returns:
        All bytes of the file, 1 to `MAX_FILE_BYTES` of them.

    Raises:
        ImageRefused: the file is erased, gone, empty, too large, not a regular file, behind a link, or may not be
            read. The text does not name the file.
        PassingFault: the disk or the network share did not answer (EIO, ESTALE, ETIMEDOUT, too many open
            files, ...); worth another try.
        ServiceUnreachable: the object store did not answer.
        UsageFault: the package for this kind of URL is not installed, or there is no such kind.
    """
    if location == ERASED_LOCATION:
        raise ImageRefused("erased: the file and its name were deleted on request")
    if "://" in location and not location.startswith("file://"):
        return _read_remote(location)
    return _read_local(to_path(location), None if root is None else to_path(root), one_name=one_name)


def _read_local(path: str, root: str | None, *, one_name: bool) -> bytes:
    try:
        descriptor = os.open(path, _FLAGS) if root is None else _open_inside(Path(root), Path(path))
    except OSError as error:
        raise _judged(error) from error
    except ValueError as error:  # a zero byte in the path, or a path that is not inside its root
        raise ImageRefused("the location is not a valid path") from error
    try:
        return _read_descriptor(descriptor, one_name=one_name)
    except OSError as error:
        raise _judged(error) from error
    finally:
        os.close(descriptor)


def _open_inside(root: Path, path: Path) -> int:
    with folder_inside(root, path.parent) as folder:
        return os.open(path.name, _FLAGS, dir_fd=folder)


def _read_descriptor(descriptor: int, *, one_name: bool) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for test, name in _KINDS if test(found.st_mode)), "a special file")
        raise ImageRefused(f"{kind}: expected a regular file")
    if one_name and found.st_nlink > 1:
        raise ImageRefused(_HARD_LINK)
    if found.st_size > MAX_FILE_BYTES:
        raise ImageRefused(too_many_bytes(found.st_size))
    parts: list[bytes] = []
    left = MAX_FILE_BYTES + 1  # one more than allowed, to see that a growing file has grown too large
    while left and (part := os.read(descriptor, min(left, _READ_BYTES))):
        parts.append(part)
        left -= len(part)
    return _checked(b"".join(parts))


def _read_remote(location: str) -> bytes:
    import fsspec

    try:
        with fsspec.open(location, "rb") as opened:
            size = getattr(opened, "size", None)
            if isinstance(size, int) and size > MAX_FILE_BYTES:
                raise ImageRefused(too_many_bytes(size))
            data: bytes = opened.read(MAX_FILE_BYTES + 1)
    except ImageRefused:
        raise
    except FileNotFoundError as error:
        raise ImageRefused(GONE) from error
    except PermissionError as error:
        raise ImageRefused(_DENIED) from error
    except IsADirectoryError as error:
        raise ImageRefused("a folder: expected a file") from error
    except (ImportError, ValueError) as error:
        scheme = location.partition("://")[0]
        raise UsageFault(
            f"{scheme}:// cannot be read: expected a local path, s3:// or gs://{how_to_reach(location)}"
        ) from error
    except Exception as error:
        # Each store's client brings exceptions of its own; none of them says anything about the picture.
        raise ServiceUnreachable(f"the image store does not answer ({type(error).__name__})") from error
    return _checked(data)


def _checked(data: bytes) -> bytes:
    if not data:
        raise ImageRefused("empty: the file has 0 bytes")
    if len(data) > MAX_FILE_BYTES:
        raise ImageRefused(too_many_bytes(len(data)))
    return data


def _judged(error: OSError) -> ImageRefused | PassingFault:
    """Tell what is wrong with the file from what is wrong with the disk, the share or this process."""
    if error.errno in _REFUSALS:
        return ImageRefused(_REFUSALS[error.errno])
    words = os.strerror(error.errno) if error.errno else "the system does not say why"
    return PassingFault(f"the file could not be read now: {words}")
