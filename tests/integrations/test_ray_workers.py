"""Ray: one cluster of two worker processes on this machine, and one of these killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'lehr[ray]'")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'lehr[ray]'")

from lehr.cli import corpus as command  # noqa: E402
from lehr.cli import main  # noqa: E402
from lehr.cli.parts import Outcome, Part, resolve_part  # noqa: E402
from lehr.integrations import ray as on_ray  # noqa: E402
from lehr.integrations.rows import RowResolver  # noqa: E402

TEXT = "Mary said she was tired."


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        on_ray.connect(2)
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield
        ray.shutdown()


def die_once(mark: Path) -> Callable[[], None]:
    """Kills the process that calls it, if none was killed before; not a function of this module, which workers lack."""

    def die() -> None:
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def test_rows_of_a_killed_worker_are_neither_lost_nor_doubled(tmp_path: Path) -> None:
    die = die_once(tmp_path / "died")

    def die_at_13(table: Any) -> Any:
        if 13 in table["id"].to_pylist():
            die()
        return table

    rows = [{"id": i, "title": f"title {i}", "text": None if i == 5 else f"{TEXT} {i}"} for i in range(24)]
    dataset = on_ray.resolve(ray.data.from_items(rows, override_num_blocks=6), batch_size=2, singletons=False)
    found = dataset.map_batches(die_at_13, batch_size=1, batch_format="pyarrow").take_all()
    assert (tmp_path / "died").exists()
    found.sort(key=lambda row: row["id"])
    assert [(row["id"], row["title"]) for row in found] == [(row["id"], row["title"]) for row in rows]
    failed = found.pop(5)
    assert failed["error"].startswith("row 5: found ")
    assert failed["clusters"] is None
    for row in found:
        assert [[m["text"] for m in cluster["mentions"]] for cluster in row["clusters"]] == [["Mary", "she"]]
        assert row["error"] is None


def test_files_of_a_killed_worker_are_neither_lost_nor_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    die = die_once(tmp_path / "died")

    def dies_amid_the_third(rows: RowResolver, part: Part) -> Outcome:
        if part.target.name == "3.jsonl":
            part.target.parent.mkdir(exist_ok=True)
            (part.target.parent / ".3.jsonl.12345678").write_text('{"id":')
            die()
        return resolve_part(rows, part)

    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    for file in range(6):
        lines = [json.dumps({"id": f"{file}.{row}", "text": f"{TEXT} {row}"}) + "\n" for row in range(3)]
        (corpus / f"{file}.jsonl").write_text("".join(lines))
    (corpus / "bad.txt").write_bytes(b"\xff")
    monkeypatch.setattr(command, "resolve_part", dies_amid_the_third)
    monkeypatch.setattr(sys, "argv", ["lehr", "resolve", str(corpus), "--output", f"{out}/", "--engine", "ray"])
    for told in ("18 documents of 126 words in 6 files resolved; 1 failure", "0 files resolved; 6 files done before"):
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr().err
        assert told in printed
        assert "bad.txt" in printed
        assert end.value.code == 1
        assert (tmp_path / "died").exists()
        names = [*(f"{file}.jsonl" for file in range(6)), "bad.jsonl.errors.jsonl", command.ABOUT]
        assert sorted(path.name for path in out.rglob("[!.]*")) == sorted(names)
        found = [json.loads(line)["id"] for file in range(6) for line in (out / f"{file}.jsonl").open()]
        assert found == [f"{file}.{row}" for file in range(6) for row in range(3)]


def test_what_kills_every_worker_is_told_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "RETRIES", 0)

    def work(thing: int) -> int:
        if thing == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return thing * thing

    found = dict(on_ray.each(work, range(5), workers=2))
    lost = found.pop(2)
    assert found == {0: 0, 1: 1, 3: 9, 4: 16}
    assert isinstance(lost, OSError)
    assert "its worker died" in str(lost)


def test_what_work_raises_is_raised() -> None:
    def work(thing: int) -> int:
        raise ValueError(f"no {thing}")

    with pytest.raises(ValueError, match="no 7"):
        list(on_ray.each(work, [7]))


def test_tables_keep_their_columns() -> None:
    from lehr.integrations.tables import resolve_table

    table = pa.table({"n": pa.array([1, None], pa.int8()), "tokens": [["Mary", "slept"], []], "text": ["a", "b"]})
    found = resolve_table(table, RowResolver())
    assert found.column_names == ["n", "text", "words", "sentences", "speakers", "clusters", "error"]
    assert found["n"] == table["n"]
    assert found["words"].to_pylist() == [[[0, 4], [5, 10]], []]
    assert resolve_table(table.slice(0, 0), RowResolver()).schema == found.schema


def test_no_torch_is_needed() -> None:
    code = (
        "import sys, lehr.integrations.ray, lehr.integrations.tables; print({'torch', 'transformers'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
