from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from made_points import CORNERS, Net, Points, accuracy, collate, inputs, same, weights
from transformers import PretrainedConfig, TrainerCallback

from lehr.files import alone_in
from lehr.kd import distillation
from lehr.kd.annealing import phi
from lehr.kd.checks import check_room
from lehr.kd.data import Inputs
from lehr.kd.distillation import distill
from lehr.kd.progress import StageProgress, progress
from lehr.kd.stages import Stage, method
from lehr.kd.trainer import last_checkpoint

SMALL = {
    "learning_rate": 0.02,
    "per_device_train_batch_size": 8,
    "logging_steps": 4,
    "use_cpu": True,
    "bf16": False,  # what is compared to the digit is not rounded to three of them
}


def oracle() -> Net:
    """A teacher that knows the corners: logits are what the likelihood of each corner says."""
    net = Net(width=4)
    with torch.no_grad():
        net.layers[0].weight[:] = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
        net.layers[0].bias.zero_()
        net.layers[3].weight[:] = torch.stack([CORNERS[:, 0], -CORNERS[:, 0], CORNERS[:, 1], -CORNERS[:, 1]], 1)
        net.layers[3].bias[:] = -CORNERS.square().sum(1) / 2
    return net


def run(output: Path, **settings: Any) -> Any:
    data = inputs()
    arguments: dict[str, Any] = {
        "teacher": oracle(),
        "student": Net(),
        "train_dataset": data.train,
        "eval_dataset": data.eval,
        "collator": data.collator,
        "compute_metrics": accuracy,
        "metric": "accuracy",
        "training": SMALL,
        "epochs": 2 if isinstance(settings.get("recipe", ""), str) else None,
        "output": output,
        "cache": output / "cache",
    }
    return distill(**{**arguments, **settings})


@pytest.mark.parametrize("name", ["scratch", "kd", "annealing-kd", "continuation-kd", "ctkd", "dkd", "dist", "taid"])
def test_every_method_learns(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, recipe=name, epochs=6, training={**SMALL, "learning_rate": 0.1})
    assert done.stages[-1]["chosen"] >= 0.75, "the teacher itself stands at 0.85"
    assert sum(stage["epochs"] for stage in done.stages) == 6


@pytest.mark.parametrize("name", ["takd", "born-again"])
def test_recipes_of_two_students(tmp_path: Path, name: str) -> None:
    training = {**SMALL, "learning_rate": 0.1}
    done = run(tmp_path, recipe=name, epochs=3, assistant=Net(width=16), training=training)
    assert len(done.stages) == 2
    assert done.stages[1]["chosen"] >= 0.8
    assert done.student is done.models["student" if name == "takd" else "second"]


def test_an_ensemble_teaches_by_its_mean(tmp_path: Path) -> None:
    done = run(tmp_path, teacher=[oracle(), Net(seed=3)], epochs=1, recipe="kd")
    assert done.stages[0]["title"] == "student, kd from teacher + teacher-2"


@pytest.mark.parametrize("centre", [0.0, 2.5])
def test_phi_and_both_errors_are_logged(tmp_path: Path, centre: float) -> None:
    stage = Stage({"name": "annealed-regression", "tau_max": 4, "centre": centre}, 4, teacher="teacher")
    log = run(tmp_path, recipe=[stage]).stages[0]["log"]
    steps = [entry for entry in log if "loss" in entry]
    assert [entry["phi"] for entry in steps] == pytest.approx([t / 4 for t in range(1, 5) for _ in "ab"])
    assert all(entry["regression_error"] == pytest.approx(entry["loss"], rel=1e-3) for entry in steps)
    assert centre or steps[-1]["label_error"] < steps[0]["label_error"]


def test_the_last_step_of_every_stage_has_all_of_the_progress() -> None:
    for steps, epochs in ((7, 7), (24, 3), (1, 1), (390 * 30, 30)):
        for per in ("epoch", "step"):
            assert progress(steps - 1, steps, epochs, per) == progress(steps, steps, epochs, per) == 1
            assert progress(0, steps, epochs, per) == (1 / epochs if per == "epoch" else 1 / steps)
    assert [phi(progress(step, 28, 14, "epoch"), 7) * 7 for step in (0, 1, 3, 4, 27)] == [1, 1, 1, 2, 7]


def test_who_wants_no_bar_is_told_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, training={**SMALL, "disable_tqdm": True})
    assert capfd.readouterr().out == ""


def test_without_a_terminal_lines_say_how_far_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = [
        {"objective": {"name": "annealed-regression", "tau_max": 2}, "epochs": 2, "teacher": "teacher"},
        {"objective": "hard-labels", "epochs": 1},
    ]
    run(tmp_path, recipe=plan, training=SMALL)
    lines = [line for line in capsys.readouterr().err.splitlines() if "teacher" in line or "epoch" in line]
    shape = [
        r"logits of teacher: \d+ of \d+ rows",
        r"stage 1 of 2: student, annealed-regression from teacher: epoch 1 of 2, .*loss .* spent, .* left",
        r"stage 1 of 2: student, annealed-regression from teacher: epoch 2 of 2, .* spent, 00:00 left",
        r"stage 2 of 2: student, hard-labels: epoch 1 of 1, .* spent, 00:00 left",
    ]
    assert len(lines) == len(shape), lines
    for line, pattern in zip(lines, shape, strict=True):
        assert re.fullmatch(pattern, line), line


def test_lines_say_how_far_a_long_epoch_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StageProgress, "seconds", 0)
    run(tmp_path, recipe="scratch", epochs=1, training=SMALL)
    assert "hard-labels: epoch 0.125 of 1, 00:00 spent, 00:0" in capsys.readouterr().err


def test_no_epoch_before_full_strength_is_the_best(tmp_path: Path) -> None:
    plan = {"objective": {"name": "annealed-regression", "tau_max": 2}, "epochs": 3, "teacher": "teacher"}
    # Accuracy that only falls: by it, the first epoch would be the best.
    falling = iter(range(100, 0, -1))
    fall = lambda _: {"accuracy": float(next(falling))}  # noqa: E731
    chosen = {}
    for choose in ("best", "best-at-full", "last"):
        done = run(tmp_path / choose, recipe=[{**plan, "choose": choose}], compute_metrics=fall)
        chosen[choose] = done.stages[0]["chosen_epoch"]
    assert chosen == {"best": 1, "best-at-full": 2, "last": 3}


def test_what_was_chosen_is_what_goes_on(tmp_path: Path) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    student = Net()

    def fall(_: Any) -> dict[str, float]:
        seen.append(weights(student))
        return {"accuracy": -float(len(seen))}

    run(tmp_path, student=student, recipe=[Stage("hard-labels", 3, choose="best")], compute_metrics=fall)
    assert same(weights(student), seen[1])  # as the metrics are tried on two rows before any epoch
    assert not same(seen[0], seen[2])


class Kill(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            raise KeyboardInterrupt


CUT: dict[str, Any] = {
    "training": {**SMALL, "save_strategy": "steps", "save_steps": 3, "save_total_limit": None, "eval_strategy": "no"},
    "eval_dataset": None,
    "views": 3,
    "epochs": 3,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Two epochs of annealing and one on the labels, not cut short; every checkpoint stays."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder, **CUT)


@pytest.mark.parametrize("stage", [0, 1])
def test_resuming_amid_a_stage_is_bit_for_bit(
    whole: tuple[Path, Any], tmp_path: Path, stage: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, uncut = whole
    made = distillation.Run._trainer

    def mortal(self: Any, number: int, *rest: Any) -> Any:
        trainer = made(self, number, *rest)
        if number == stage:
            trainer.add_callback(Kill(5))
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(distillation.Run, "_trainer", mortal)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, **CUT)
    assert not (tmp_path / f"stage-{stage + 1}" / "done.json").exists()
    (tmp_path / f"stage-{stage + 1}" / "checkpoint-6").mkdir()  # as a kill while it is written leaves it
    resumed = run(tmp_path, resume=True, **CUT)
    assert same(weights(uncut.student), weights(resumed.student))
    assert [s["log"][-2]["loss"] for s in resumed.stages] == [s["log"][-2]["loss"] for s in uncut.stages]
    kept = [sorted(path.relative_to(own) for path in own.glob("stage-*/checkpoint-*")) for own in (folder, tmp_path)]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 16 // 3 + 8 // 3 + 2, "every third step of either stage, and its last"


def test_a_finished_run_is_read_and_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path)
    monkeypatch.setattr(distillation.Run, "_trainer", None)
    again = run(tmp_path, resume=True)
    assert same(weights(first.student), weights(again.student))
    assert again.stages == json.loads(json.dumps(first.stages))
    assert not list(tmp_path.glob("stage-*/checkpoint-*"))


def test_an_online_teacher_makes_the_same_student(tmp_path: Path) -> None:
    kept, online = run(tmp_path / "kept"), run(tmp_path / "online", online=True)
    for name, tensor in weights(kept.student).items():
        torch.testing.assert_close(tensor, weights(online.student)[name], atol=1e-5, rtol=1e-5)


def test_models_that_see_the_rows_differently(tmp_path: Path) -> None:
    def halved(rows: list[Any]) -> dict[str, torch.Tensor]:
        batch = collate(rows)
        return {**batch, "points": batch["points"] / 2}

    teacher = oracle()
    with torch.no_grad():
        teacher.layers[0].weight *= 2
    data = {"teacher": Inputs(Points(64), halved)}
    for online in (False, True):
        same_teacher = run(tmp_path / f"a{online}", online=online, recipe="kd", epochs=1)
        other_eyes = run(tmp_path / f"b{online}", teacher=teacher, inputs=data, online=online, recipe="kd", epochs=1)
        for name, tensor in weights(same_teacher.student).items():
            torch.testing.assert_close(tensor, weights(other_eyes.student)[name], atol=1e-5, rtol=1e-5)


def test_a_batch_in_pieces_makes_the_same_student(tmp_path: Path) -> None:
    once = run(tmp_path / "once", student=undropped())
    pieces = {**SMALL, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 8}
    cut = run(tmp_path / "cut", student=undropped(), training=pieces)
    for name, tensor in weights(once.student).items():
        torch.testing.assert_close(tensor, weights(cut.student)[name], atol=1e-5, rtol=1e-4)


def undropped() -> Net:
    net = Net()
    net.layers[2] = torch.nn.Dropout(0.0)
    return net


TWO = """
import os, sys, torch
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from lehr.kd import teacher
from test_distillation import losses_of, undropped, run
torch.set_num_threads(1)
write, rows = teacher._write, []
teacher._write = lambda part, logits: (rows.append(len(logits)), write(part, logits))
losses = losses_of(Path(sys.argv[2]), batch=4)
torch.save([losses, sum(rows)], f"{sys.argv[2]}/process-{os.environ['RANK']}.pt")
"""


def losses_of(output: Path, batch: int) -> list[float]:
    done = run(
        output, student=undropped(), training={**SMALL, "per_device_train_batch_size": batch, "logging_steps": 1}
    )
    return [entry["loss"] for stage in done.stages for entry in stage["log"] if "loss" in entry]


def test_two_processes_have_the_loss_of_one_and_ask_the_teacher_once(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(TWO)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    command += [str(Path(__file__).parent), str(tmp_path / "of-two")]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    both = [torch.load(tmp_path / f"of-two/process-{rank}.pt", weights_only=True) for rank in range(2)]
    assert sum(rows for _, rows in both) == 64, "each row is asked about once"
    losses = losses_of(tmp_path / "of-one", batch=8)
    assert len(losses) == 16
    assert both[0][0] == pytest.approx(losses, rel=1e-4)


def refused(tmp_path: Path, message: str, **settings: Any) -> None:
    with pytest.raises(ValueError, match=message):
        run(tmp_path, **settings)


def test_other_label_spaces_are_refused_before_training(tmp_path: Path) -> None:
    refused(
        tmp_path,
        r"other label spaces.*'teacher' have shape \(2, 4\), those of 'student' \(2, 3\)",
        teacher=Net(classes=4),
    )
    assert not tmp_path.joinpath("stage-1").exists()


def test_other_names_of_labels_are_refused_before_training(tmp_path: Path) -> None:
    teacher, student = oracle(), Net()
    teacher.config, student.config = (PretrainedConfig(id2label=dict(enumerate(names))) for names in ("abc", "acb"))
    refused(
        tmp_path,
        "other label spaces: the labels of 'teacher' are a, b, c, those of 'student' a, c, b",
        teacher=teacher,
        student=student,
    )
    student.config = PretrainedConfig(num_labels=3)  # LABEL_0 and so on: nobody has said anything
    run(tmp_path, teacher=teacher, student=student)


def test_a_disk_without_room_is_seen_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"stage-1: its checkpoints may take 0 MiB, and 0 MiB are free"):
        run(tmp_path, recipe="scratch")


def test_checkpoints_that_are_there_have_their_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, (held, cut) = Net(), (tmp_path / f"checkpoint-{step}" for step in (8, 16))
    numbers = 3 * sum(weight.numel() * weight.element_size() for weight in net.state_dict().values())
    arguments: Any = SimpleNamespace(
        save_strategy="epoch", num_train_epochs=9, load_best_model_at_end=True, save_total_limit=1
    )
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2 * numbers))
    with pytest.raises(OSError, match="may take"):
        check_room(tmp_path, net, arguments)
    for folder in (held, cut):
        folder.mkdir()
        (folder / "optimizer.pt").write_bytes(bytes(numbers))
    (held / "trainer_state.json").write_text("{}")
    assert last_checkpoint(tmp_path) == str(held)
    check_room(tmp_path, net, arguments)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_disk_that_fills_amid_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(folder: Path) -> None:
        (folder / "checkpoint-8").mkdir()
        (folder / "checkpoint-8/optimizer.pt").symlink_to("/dev/full")

    monkeypatch.setattr(distillation, "last_checkpoint", fill)
    with pytest.raises(OSError, match=r"stage-1: the checkpoint of step 8 could not be written, is the disk full"):
        run(tmp_path, recipe="scratch")
    monkeypatch.undo()
    run(tmp_path, recipe="scratch", resume=True)


def test_recipes_and_models_that_do_not_fit(tmp_path: Path) -> None:
    refused(tmp_path, "there is no model 'teacher'; there are student", teacher=None)
    refused(tmp_path, "there is no model 'assistant'; there are teacher, student", recipe="takd")
    refused(
        tmp_path, "like 'pupil', and there is no such model", recipe=[Stage("hard-labels", 1, "second", like="pupil")]
    )
    refused(tmp_path, "unknown method 'anealing-kd'", recipe="anealing-kd")
    refused(tmp_path, "no rows to train on", train_dataset=Points(0))
    refused(tmp_path, "inputs are given for 'techer', which is no model", inputs={"techer": inputs()})
    refused(tmp_path, "`epochs` go with a recipe that is given by name", recipe=[Stage("hard-labels", 1)], epochs=3)
    refused(tmp_path, "numbers differ: {'teacher': 63, 'student': 64}", inputs={"teacher": Inputs(Points(63), collate)})
    for rows in (list(Points(8)), torch.zeros(8, 2), np.zeros((8, 2))):
        refused(tmp_path, "3 views are asked for, and the data set has no method", train_dataset=rows, views=3)


def test_what_would_fail_in_a_later_stage_is_told_before_the_first(tmp_path: Path) -> None:
    wrong = {"objective": "hard-labels", "epochs": 1, "training": {"lr_scheduler_type": "cosine_with_min_lr"}}
    refused(
        tmp_path,
        "student, hard-labels: lr_scheduler_type cosine_with_min_lr: ",
        recipe=[Stage("kd", 1, teacher="teacher"), Stage(**wrong)],
    )
    slow = {**SMALL, "warmup_steps": 0.1}
    refused(tmp_path, "or warmup_steps", recipe=[Stage("hard-labels", 4, milestones=[0.5])], training=slow)


class Restless(Points):
    """Whose rows are others each time."""

    def view(self, number: int) -> Restless:
        return self

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        row = super().__getitem__(index)
        return {**row, "points": row["points"] + torch.rand(2)}


def test_rows_that_choose_are_never_augmented(tmp_path: Path) -> None:
    class Plain(Points):
        def view(self, number: int) -> Points:
            raise AssertionError("these are to be seen as they are")

    run(tmp_path, recipe="scratch", epochs=2, views=2, eval_dataset=Plain(40, seed=1))


def test_rows_that_change_by_themselves_are_not_taught(tmp_path: Path) -> None:
    refused(tmp_path, "the rows of 'teacher' are others each time", recipe="kd", train_dataset=Restless(64))
    run(tmp_path, recipe="scratch", train_dataset=Restless(64))


def test_another_run_is_not_overwritten_nor_gone_on_with(tmp_path: Path) -> None:
    run(tmp_path, recipe="kd", epochs=2)
    refused(tmp_path, "holds a run already: resume it, or choose another output", recipe="kd", epochs=2)
    refused(tmp_path, "begun as another stage: epochs was 2 and is 3 now", recipe="kd", epochs=3, resume=True)
    refused(tmp_path, "begun as another stage: objective was 'kd'", recipe="dkd", epochs=2, resume=True)


def test_two_runs_are_not_at_work_in_one_folder(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        refused(tmp_path, "another run is writing to .*: wait for its end", recipe="scratch")
    run(tmp_path, recipe="scratch", resume=True)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    data = list(Points(64))
    data[5]["points"] = torch.tensor([float("nan"), 0])
    refused(tmp_path, r"student, hard-labels: the loss is nan by step \d; lower", recipe="scratch", train_dataset=data)


def test_milestones_divide_the_learning_rate(tmp_path: Path) -> None:
    stage = Stage("hard-labels", 4, milestones=[0.5, 0.75], training={**SMALL, "logging_steps": 1})
    log = run(tmp_path, recipe=[stage]).stages[0]["log"]
    rates = [entry["learning_rate"] for entry in log if "loss" in entry]
    assert rates == pytest.approx([0.02] * 16 + [0.002] * 8 + [0.0002] * 8, rel=1e-6)


def test_the_recipe_by_name_is_the_recipe_by_stages(tmp_path: Path) -> None:
    by_name = run(tmp_path / "name", recipe="annealing-kd", epochs=2)
    by_stages = run(tmp_path / "stages", recipe=method("annealing-kd", 2))
    assert same(weights(by_name.student), weights(by_stages.student))
