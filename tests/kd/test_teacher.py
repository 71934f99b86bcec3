from __future__ import annotations

import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier, Event
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_points import Net, Points, collate
from torch import nn
from transformers import PretrainedConfig

from lehr.kd import teacher as kept
from lehr.kd.data import Inputs, TaughtCollator, TaughtDataset
from lehr.kd.teacher import Logits, fingerprint_of_data, fingerprint_of_model, logits_of

keep_logits = partial(kept.keep_logits, part=16)


class Counting(Net):
    """Counts the rows that it was asked about, and can be killed at one of them."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.rows, self.stop_at = 0, stop_at

    def forward(self, points):
        self.rows += len(points)
        if self.stop_at is not None and self.rows > self.stop_at:
            raise KeyboardInterrupt
        return super().forward(points)


def test_what_is_kept_is_what_the_teacher_says(tmp_path: Path) -> None:
    teacher, points = Net(), Points(50)
    logits = keep_logits(teacher, points, collate, cache=tmp_path, batch_size=7)
    expected = teacher.eval()(points.points).detach().numpy()
    assert len(logits) == 50
    np.testing.assert_allclose(np.stack([logits[i] for i in range(50)]), expected, atol=1e-6)
    assert logits[49].base is not None, "rows are read from the memory-mapped file, not copied"


def test_the_store_is_a_column_for_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    logits = keep_logits(Net(), Points(20), collate, cache=tmp_path)
    joined = datasets.concatenate_datasets([datasets.Dataset.from_dict({"n": range(20)}), logits.column], axis=1)
    assert joined[17]["teacher_logits"] == pytest.approx(logits[17].tolist())


def test_logits_of_any_shape_row_by_row(tmp_path: Path) -> None:
    class Ragged(nn.Module):
        def forward(self, points):
            return points[:, :, None] * torch.ones(3)

    logits = keep_logits(Ragged(), Points(5), collate, cache=tmp_path, batch_size=2)
    assert logits[4].shape == (2, 3)
    np.testing.assert_allclose(logits[4], Points(5).points[4][:, None].expand(2, 3).numpy())


def test_rows_of_like_length_are_asked_together(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    lengths = [9, 1, 5, 1, 9, 5, 1, 9, 5, 5, 5, 5, 5, 5, 5, 5, 3, 2]
    rows = datasets.Dataset.from_dict({"input_ids": [[length] * length for length in lengths]})
    asked: list[list[int]] = []

    class Length(nn.Module):
        def forward(self, input_ids):
            asked.append(input_ids[:, 0].tolist())
            return input_ids[:, :1].float()

    def pad(rows):
        return {"input_ids": nn.utils.rnn.pad_sequence([torch.tensor(row["input_ids"]) for row in rows], True)}

    logits = keep_logits(Length(), rows, pad, cache=tmp_path, batch_size=3)
    assert [logits[row].tolist() for row in range(len(rows))] == [[length] for length in lengths]
    assert asked == [[1, 1, 1], [5, 5, 5], [5, 5, 5], [5, 5, 5], [5, 9, 9], [9], [2, 3]]


def test_the_teacher_is_asked_once(tmp_path: Path) -> None:
    teacher = Counting()
    keep_logits(teacher, Points(50), collate, cache=tmp_path)
    keep_logits(teacher, Points(50), collate, cache=tmp_path)
    assert teacher.rows == 50 + kept.FEW
    assert teacher.training, "and left in the mode it was in"


@pytest.mark.parametrize("change", ["weights", "rows", "preprocessing", "view"])
def test_whatever_changes_the_answers_finds_another_store(tmp_path: Path, change: str) -> None:
    teacher, points, how = Counting(), Points(20), collate
    keep_logits(teacher, points, how, cache=tmp_path)
    if change == "weights":
        with torch.no_grad():
            teacher.layers[0].weight[0, 0] += 1e-3
    elif change == "rows":
        points.shaken[13, 0] += 1e-3
    elif change == "preprocessing":
        how = lambda rows: {**collate(rows), "points": collate(rows)["points"] / 2}  # noqa: E731
    else:
        points = points.view(1)
    keep_logits(teacher, points, how, cache=tmp_path)
    assert teacher.rows == 40


def test_labels_are_not_shown_to_the_teacher_and_do_not_matter(tmp_path: Path) -> None:
    points, relabelled = Points(20), Points(20)
    relabelled.labels = 2 - relabelled.labels
    assert fingerprint_of_data(points, collate) == fingerprint_of_data(relabelled, collate)


def test_a_dataset_may_know_its_own_fingerprint() -> None:
    points = Points(3)
    points.fingerprint = "abc"  # type: ignore[attr-defined]
    assert fingerprint_of_data(points, collate) == "abc"


def test_what_changes_no_logit_makes_no_other_teacher() -> None:
    one, other, third = Net(seed=1), Net(seed=1), Net(seed=1)
    one.config, other.config = PretrainedConfig(width=3, language="de"), PretrainedConfig(width=3, language="en")
    third.config = PretrainedConfig(width=4, language="en")
    assert fingerprint_of_model(one) == fingerprint_of_model(other) != fingerprint_of_model(third)


def test_a_model_loaded_anew_is_the_same_teacher() -> None:
    one, other = Net(seed=1), Net(seed=2)
    assert fingerprint_of_model(one) != fingerprint_of_model(other)
    other.load_state_dict(one.state_dict())
    assert fingerprint_of_model(one) == fingerprint_of_model(other)


def test_a_killed_build_goes_on_and_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    killed = Counting(stop_at=40)
    with pytest.raises(KeyboardInterrupt):
        keep_logits(killed, Points(64), collate, cache=tmp_path, batch_size=8)
    (store,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match="no finished store"):
        Logits(store)
    again = Counting()
    logits = keep_logits(again, Points(64), collate, cache=tmp_path, batch_size=8)
    assert again.rows == kept.FEW + 32, "two parts of 16 rows were whole"
    np.testing.assert_allclose(logits[63], again.eval()(Points(64).points).detach()[63].numpy(), atol=1e-6)


def test_parts_of_another_size_are_not_taken_for_these(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        keep_logits(Counting(stop_at=40), Points(64), collate, cache=tmp_path, batch_size=8)
    logits = keep_logits(Counting(), Points(64), collate, cache=tmp_path, batch_size=8, part=32)
    expected = Counting().eval()(Points(64).points).detach().numpy()
    np.testing.assert_allclose([logits[row] for row in range(64)], expected, atol=1e-6)


def test_a_part_that_is_gone_is_noticed(tmp_path: Path) -> None:
    keep_logits(Net(), Points(40), collate, cache=tmp_path)
    (store,) = tmp_path.iterdir()
    (store / "000000016.arrow").unlink()
    with pytest.raises(ValueError, match=r"000000016.arrow: gone from a finished store"):
        Logits(store)


class Louder(Net):
    """Weights and layers are those of a `Net`; what it says is not."""

    by = 1.0

    def forward(self, points):
        return self.by * super().forward(points)


@pytest.mark.parametrize("killed", [False, True])
def test_a_teacher_of_other_code_is_noticed(tmp_path: Path, killed: bool) -> None:
    teacher = Louder()
    keep_logits(teacher, Points(40), collate, cache=tmp_path)
    if killed:
        (store,) = tmp_path.iterdir()
        (store / "store.json").unlink()
        (store / "000000032.arrow").unlink()
    keep_logits(teacher, Points(40), collate, cache=tmp_path)
    teacher.by = 1.1
    with pytest.raises(ValueError, match=r"000000000.arrow: the teacher answers otherwise than when this was kept"):
        keep_logits(teacher, Points(40), collate, cache=tmp_path)


def test_a_part_that_was_cut_short_is_noticed(tmp_path: Path) -> None:
    keep_logits(Net(), Points(40), collate, cache=tmp_path)
    (part,) = tmp_path.glob("*/000000016.arrow")
    part.write_bytes(part.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"000000016.arrow: no whole file of teacher logits; remove"):
        Logits(part.parent)


def test_a_store_whose_description_is_damaged_is_named(tmp_path: Path) -> None:
    keep_logits(Net(), Points(40), collate, cache=tmp_path)
    (about,) = tmp_path.glob("*/store.json")
    about.write_text("{")
    with pytest.raises(ValueError, match=r"store.json holds no JSON object"):
        keep_logits(Net(), Points(40), collate, cache=tmp_path)


def test_logits_under_their_name_or_first_of_several() -> None:
    points = torch.eye(2)
    for answer in (points, (points, "more"), [points, "more"], {"logits": points}, SimpleNamespace(logits=points)):
        assert logits_of(lambda answer=answer: answer, {}) is points
    for wrong in ("logits", [], None, {"logits": 3}):
        with pytest.raises(ValueError, match=r"a function returns \w+, and no tensor of logits"):
            logits_of(lambda wrong=wrong: wrong, {})


def test_two_at_once_share_the_work(tmp_path: Path) -> None:
    """Threads here, each of which waits at its first row for the other; processes in test_distillation.py."""
    both = Barrier(2)

    class Meeting(Counting):
        def forward(self, points):
            if not self.rows:
                both.wait(60)
            return super().forward(points)

    def keep(teacher: Meeting) -> Logits:
        return keep_logits(teacher, Points(60), collate, cache=tmp_path, batch_size=4)

    teachers = [Meeting(), Meeting()]
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(keep, teachers)
    assert sum(teacher.rows for teacher in teachers) == 60, "each part is computed once"
    np.testing.assert_array_equal(one[59], other[59])
    (store,) = tmp_path.iterdir()
    assert {path.suffix for path in store.iterdir()} == {".arrow", ".json"}


def test_what_another_leaves_undone_is_done(tmp_path: Path) -> None:
    begun, others_done = Event(), Event()

    class Mortal(Counting):
        dies = False

        def forward(self, points):
            if self.dies:
                begun.set()
                others_done.wait(60)
                raise KeyboardInterrupt
            if self.rows + len(points) == 32:
                others_done.set()
            return super().forward(points)

    one, other = Mortal(), Mortal()
    one.dies = True
    with ThreadPoolExecutor(1) as pool:
        dying = pool.submit(keep_logits, one, Points(48), collate, cache=tmp_path)
        begun.wait(60)
        assert len(keep_logits(other, Points(48), collate, cache=tmp_path)) == 48
    assert isinstance(dying.exception(), KeyboardInterrupt)
    assert other.rows == 48


def test_logits_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = Net()
    with torch.no_grad():
        broken.layers[0].weight[:] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        keep_logits(broken, Points(4), collate, cache=tmp_path)


def test_a_full_disk_is_known_after_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 100))
    teacher = Counting()
    with pytest.raises(OSError, match="MiB are free"):
        keep_logits(teacher, Points(64), collate, cache=tmp_path, batch_size=8)
    assert teacher.rows == 16
    assert not list(tmp_path.glob("*/*.arrow"))


def test_no_rows_no_question(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without rows"):
        keep_logits(Net(), Points(0), collate, cache=tmp_path)


def test_teachers_are_averaged_and_views_go_round(tmp_path: Path) -> None:
    points, teachers = Points(20), [Net(seed=1), Net(seed=2)]
    views = [[keep_logits(t, points.view(v), collate, cache=tmp_path) for t in teachers] for v in range(2)]
    data = TaughtDataset(Inputs(points, collate), views=2, logits=views, first_epoch=1)
    for epoch, view in ((0, 1), (1, 0), (2, 1)):
        data.set_epoch(epoch)
        batch = TaughtCollator(collate)(data.__getitems__([3, 19]))
        seen = points.view(view).shaken[[3, 19]]
        assert torch.equal(batch["points"], seen)
        mean = torch.stack([t.eval()(seen) for t in teachers]).mean(0)
        torch.testing.assert_close(batch["teacher_logits"], mean.detach(), atol=1e-6, rtol=0)


def test_logits_of_other_rows_are_refused(tmp_path: Path) -> None:
    logits = keep_logits(Net(), Points(20), collate, cache=tmp_path)
    with pytest.raises(ValueError, match="logits are of 20 rows, the student's are 21"):
        TaughtDataset(Inputs(Points(21), collate), logits=[[logits]])
