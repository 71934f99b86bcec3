"""Whatever files hold, a command says in one sentence what is wrong with it, and never leaves half an answer.

The search is short here; `pytest tests/cli/test_odd_files.py --hypothesis-profile long` looks for hours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_documents import GAP_HEADER
from typer.testing import CliRunner, Result

from lehr.cli import app

LINES = [
    *("#begin document (a); part 000\n", "#end document\n", "\n", "a\tMary\t(0\n", "a\tshe\t0)\n", "a\tit\t-\n"),
    *('{"text": "Mary said she was"}\n', '{"tokens": ["Mary", "she"], "clusters": [[[0, 1]]]}\n', "[", '"', "9" * 5000),
    GAP_HEADER,
]
FILES = st.tuples(
    st.sampled_from([".txt", ".conll", ".jsonl"]),
    st.binary(max_size=200)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(str.encode)
    | st.lists(
        st.sampled_from(LINES),
        max_size=8,
    ).map(lambda lines: "".join(lines).encode()),
)


def resolve(model: Path, *arguments: object) -> Result:
    """`lehr resolve` as typed, but for how the last error is told."""
    return CliRunner().invoke(app, ["resolve", "--model", str(model), "--threads", "1", *map(str, arguments)])


def told(result: Result) -> None:
    """See that it ended as a command ends: well, or with a sentence."""
    assert isinstance(result.exception, (SystemExit, ValueError, OSError, type(None))), result.exception
    if isinstance(result.exception, (ValueError, OSError)):
        assert str(result.exception)
        assert "\n" not in str(result.exception)
        assert "codec" not in str(result.exception)
    lines = [line for line in result.stderr.splitlines() if line]
    assert all(line.startswith("lehr: ") and "codec" not in line for line in lines)


@settings(
    max_examples=settings().max_examples // 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(FILES, min_size=1, max_size=5), st.sampled_from(["json", "jsonl", "conll", "html", "text"]))
def test_files_of_noise_are_resolved_or_told(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory, files: Sequence[tuple[str, bytes]], format: str
) -> None:
    folder = tmp_path_factory.mktemp("noise")
    for number, (suffix, data) in enumerate(files):
        (folder / f"{number}{suffix}").write_bytes(data)
    one, many = folder / "one.out", folder / "many"
    told(resolve(tiny, folder, "--format", format, "--output", one))
    told(resolve(tiny, folder, "--format", format, "--output", f"{many}/"))
    left = [path.name for path in folder.rglob(".*") if path.name != ".lehr-run.lock"]
    assert not left, "what is not finished is removed"
    if one.exists() and format == "json":
        json.loads(one.read_text("utf-8"))
    if many.exists() and format == "json":
        found = [json.loads(path.read_text("utf-8")) for path in many.glob("[0-9].json")]
        assert all(
            "clusters" in record for answer in found for record in (answer if isinstance(answer, list) else [answer])
        )


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("empty.txt", b"", 0),
        ("null.txt", b"Mary\x00said she was.\x00", 0),
        ("brackets.txt", b"(" * 1000, 0),
        ("empty.jsonl", b"", 1),
        ("deep.jsonl", b"[" * 100_000, 1),
        ("half.jsonl", b'{"id": "\\ud800", "text": "Mary"}', 1),
        ("speaker.jsonl", b'{"tokens": ["a"], "speakers": ["\\ud800"]}', 1),
        ("long.jsonl", b'{"text": "a", "clusters": [[[' + b"9" * 5000 + b", 2]]]}", 1),
        ("brackets.conll", b"#begin document (a)\na\tMary\t" + b"(1" * 10_000 + b"\n\n#end document\n", 1),
        ("number.conll", b"#begin document (a)\na\tMary\t(" + b"9" * 5000 + b")\n\n#end document\n", 1),
        ("utf16.txt", "Mary said".encode("utf-16"), 1),
    ],
)
@pytest.mark.parametrize("format", ["json", "conll"])
def test_odd_files(tiny: Path, tmp_path: Path, name: str, data: bytes, status: int, format: str) -> None:
    (tmp_path / name).write_bytes(data)
    out = tmp_path / "out"
    result = resolve(tiny, tmp_path / name, "--format", format, "--output", out)
    told(result)
    assert (result.exit_code != 0) == (status != 0)
    assert out.exists() == (status == 0)
    if status:
        assert name in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="names are always Unicode on Windows")
def test_a_name_that_is_no_unicode_is_written_as_far_as_it_goes(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    try:
        (folder / os.fsdecode(b"m\xe4ry.txt")).write_text("Mary said she was.")
    except OSError:
        pytest.skip("the file system takes no such name")
    result = resolve(tiny, folder)
    told(result)
    assert [json.loads(result.stdout)["id"], result.exit_code] == ["m\ufffdry", 0]
    told(resolve(tiny, folder, "--output", f"{tmp_path / 'out'}/"))
    left = {b".lehr-run.lock", b"lehr-run.json"}
    assert {*os.listdir(os.fsencode(tmp_path / "out"))} - left == {b"m\xe4ry.jsonl"}


def test_numbers_without_end_are_told(tiny: Path) -> None:
    for option, value in (("--mention", "9" * 5000 + ":1"), ("--threads", 10**20)):
        result = resolve(tiny, "--text", "Mary said she was.", option, value)
        told(result)
        assert result.exit_code == 1


def test_a_device_is_not_replaced_by_a_file(tiny: Path, tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes among the files here")
    os.mkfifo(tmp_path / "pipe")
    result = resolve(tiny, "--text", "Mary said she was.", "--output", tmp_path / "pipe")
    assert "is no file" in str(result.exception)
