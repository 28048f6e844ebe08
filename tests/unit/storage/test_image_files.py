"""Only a regular file of 1 byte to 64 MB is read; everything else is refused in words or tried again."""

import errno
import io
import os
import socket
import threading
from pathlib import Path
from typing import Any

import fsspec
import pytest

from models.checksum import sha256_hex
from models.errors import ImageRefused, PassingFault, ServiceUnreachable, UsageFault
from storage import image_files
from storage.image_files import read_image_bytes


def reason(location: object) -> str:
    with pytest.raises(ImageRefused) as refused:
        read_image_bytes(str(location))
    text = str(refused.value)
    assert str(location) not in text and "Errno" not in text
    return text


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(image_files, "MAX_FILE_BYTES", 1000)
    monkeypatch.setattr(image_files, "_READ_BYTES", 300)
    return 1000


@pytest.mark.parametrize("size", [1, 299, 300, 301, 1000])
def test_reads_all_bytes(tmp_path: Path, size: int, small_limit: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_image_bytes(str(tmp_path / "a.jpg")) == data


def test_names_that_are_not_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\xfe.jpg"
    try:
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert read_image_bytes(os.fsdecode(path)) == b"x"


def test_file_url(tmp_path: Path) -> None:
    (tmp_path / "a b.jpg").write_bytes(b"x")
    assert read_image_bytes((tmp_path / "a b.jpg").as_uri()) == b"x"
    (tmp_path / "link").symlink_to(tmp_path / "a b.jpg")
    assert reason((tmp_path / "link").as_uri()).startswith("a symbolic link")


def test_gone(tmp_path: Path) -> None:
    assert reason(tmp_path / "none.jpg") == "the file is no longer there"
    (tmp_path / "file").write_bytes(b"x")
    assert reason(tmp_path / "file" / "a.jpg") == "the file is no longer there"
    assert reason(tmp_path / ("x" * 300)) == "the file is no longer there"


def test_zero_byte_in_the_path() -> None:
    assert reason("a\0b.jpg") == "the location is not a valid path"


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert reason(tmp_path / "a.jpg") == "empty: the file has 0 bytes"


def test_over_64_mb_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)  # sparse: takes no space

    def read(*_: object) -> bytes:
        raise AssertionError("read although too large")

    monkeypatch.setattr(os, "read", read)
    assert reason(tmp_path / "a.jpg").startswith("too large: expected a file of at most 64 MB")


def test_a_growing_file_is_never_read_beyond_one_byte_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_limit: int
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(bytes(900))
    taken: list[int] = []
    real = os.read

    def growing(descriptor: int, length: int) -> bytes:
        with path.open("ab") as file:
            file.write(bytes(500))
        part = real(descriptor, length)
        taken.append(len(part))
        return part

    monkeypatch.setattr(os, "read", growing)
    assert reason(path).startswith("too large")
    assert sum(taken) == small_limit + 1


def test_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert reason(tmp_path / "link.jpg") == "a symbolic link: expected the file itself"
    assert reason(tmp_path / "loop.jpg") == "a symbolic link: expected the file itself"


def test_folder(tmp_path: Path) -> None:
    assert reason(tmp_path) == "a folder: expected a regular file"


def test_fifo_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(reason(tmp_path / "a.jpg")), daemon=True)
    thread.start()
    thread.join(10)
    assert answers == ["a pipe (FIFO): expected a regular file"]


def test_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may have only 100 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.jpg")
        assert reason(tmp_path / "s.jpg").startswith("a socket")


def test_device() -> None:
    assert reason("/dev/null") == "a device: expected a regular file"


def test_permission_denied(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("the superuser may read everything")
    assert reason(path) == "permission denied: the file may not be read"


def raising(code: int) -> Any:
    def raise_it(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), "secret.jpg")

    return raise_it


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_permission_denied_by_the_system(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", raising(code))
    assert reason(tmp_path / "a.jpg") == "permission denied: the file may not be read"


@pytest.mark.parametrize("call", ["open", "fstat", "read"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE])
def test_what_may_pass_is_tried_again(call: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    monkeypatch.setattr(os, call, raising(code))
    with pytest.raises(PassingFault) as passing:
        read_image_bytes(str(tmp_path / "a.jpg"))
    monkeypatch.undo()
    assert str(passing.value) == f"the file could not be read now: {os.strerror(code)}"


def test_the_descriptor_is_closed_and_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    opened: list[int] = []
    closed: list[int] = []
    real_open, real_close = os.open, os.close

    def count_open(path: Any, flags: int) -> int:
        opened.append(real_open(path, flags))
        return opened[-1]

    def count_close(descriptor: int) -> None:
        closed.append(descriptor)
        real_close(descriptor)

    monkeypatch.setattr(os, "open", count_open)
    monkeypatch.setattr(os, "close", count_close)
    read_image_bytes(str(tmp_path / "a.jpg"))
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(ImageRefused):
        read_image_bytes(str(tmp_path / "a.jpg"))
    assert len(opened) == 2 and opened == closed


@pytest.fixture
def store() -> Any:
    files = fsspec.filesystem("memory")
    files.makedirs("/wards", exist_ok=True)
    yield files
    files.rm("/wards", recursive=True)


def test_object_store(store: Any, small_limit: int) -> None:
    store.pipe("/wards/a.jpg", b"x" * 1000)
    assert read_image_bytes("memory://wards/a.jpg") == b"x" * 1000
    store.pipe("/wards/a.jpg", b"x" * 1001)
    assert reason("memory://wards/a.jpg").startswith("too large")
    store.pipe("/wards/a.jpg", b"")
    assert reason("memory://wards/a.jpg") == "empty: the file has 0 bytes"
    assert reason("memory://wards/none.jpg") == "the file is no longer there"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (PermissionError("no"), ImageRefused),
        (IsADirectoryError("no"), ImageRefused),
        (TimeoutError("no"), ServiceUnreachable),
        (ConnectionError("no"), ServiceUnreachable),
        (RuntimeError("secret-bucket/secret.jpg"), ServiceUnreachable),
    ],
)
def test_object_store_faults(raised: Exception, expected: type, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise raised

    monkeypatch.setattr(fsspec, "open", refuse)
    with pytest.raises(expected) as fault:
        read_image_bytes("s3://secret-bucket/secret.jpg")
    assert "secret" not in str(fault.value)


def test_object_of_unknown_size_is_not_read_beyond_the_limit(monkeypatch: pytest.MonkeyPatch, small_limit: int) -> None:
    asked: list[int] = []

    class Endless(io.BytesIO):
        def read(self, length: int | None = -1) -> bytes:
            asked.append(-1 if length is None else length)
            return bytes(asked[-1])

    monkeypatch.setattr(fsspec, "open", lambda *_: Endless())
    assert reason("s3://bucket/a.jpg").startswith("too large")
    assert asked == [small_limit + 1]


def test_unknown_kind_of_url() -> None:
    with pytest.raises(UsageFault, match=r"^nonsense:// cannot be read: expected a local path"):
        read_image_bytes("nonsense://bucket/a.jpg")


def test_checksum() -> None:
    # The example of FIPS 180-4.
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
