"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lehr.files import aside, place, read_object, write_text


def test_the_file_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    with aside(path) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
        assert temporary.parent == path.parent, "a rename is all or nothing within one file system only"
    assert path.read_bytes() == b"whole"
    assert os.listdir(path.parent) == ["result.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "result.json"
    write_text(path, "old")
    with pytest.raises(error), aside(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes among its files")
def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError, match="is no file, so that none can be written in its place"):
            write_text(path, "")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few make links")
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_text() == "text"


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "one\r\ntwo\nthree\rñ\u2028")
    assert (tmp_path / "a.txt").read_bytes() == "one\r\ntwo\nthree\rñ\u2028".encode()


def test_text_that_is_no_utf8_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.txt", "\ud800")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_others_may_read_it_as_any_new_file(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_what_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch(0o600)
    write_text(tmp_path / "a.txt", "new")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600


def test_a_place_where_no_file_can_be_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(OSError, match=r"a\.txt/b\.json cannot be written: .*a\.txt is no folder"):
        place(tmp_path / "a.txt" / "b.json")
    assert place(tmp_path / "new" / "b.json") == (tmp_path / "new" / "b.json").resolve()
    if os.path.exists("/dev/stdout"):
        with pytest.raises(OSError, match="/dev/stdout is no file"):
            place("/dev/stdout")


def test_the_newest_wins(tmp_path: Path) -> None:
    for text in ("first", "second"):
        write_text(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_text() == "second"


@pytest.mark.parametrize("content", [b"", b"[]", b"half {", b"[" * 100_000, b"\xff"], ids=range(5))
def test_what_is_no_object_is_told_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"result\.json holds no JSON object"):
        read_object(path)
    write_text(path, '{"test": 1}')
    assert read_object(path) == {"test": 1}
