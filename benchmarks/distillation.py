"""What distillation costs: a step with kept logits beside plain fine-tuning, a whole run beside an online teacher.

python benchmarks/distillation.py results/distillation.json
python benchmarks/distillation.py results/distillation.json --peer textbrewer=PYTHON --peer torchdistill=PYTHON

On MRPC the student is three layers of MiniLM, on CIFAR-10 it is ResNet-8, with the settings of recipes/.

- `step`: one step with hard labels and no teacher, one of annealed regression with kept logits, on the same batches in
  turn, the first of the two changing: loading and collating rows and logits, forward, loss, backward, clipping, the
  steps of optimiser and schedule. Both go through `DistillationTrainer`; the Trainer's callbacks and logs are left out.
- `run`: `distill` by `annealing-kd` from its call to its return, with an empty store of logits, so that the teacher's
  pass over the rows is counted, and with the teacher online; no rows choose between epochs.
- `peers`: plain KD by ours and by other toolkits on the same models and batches, all in float32, each in its own loop,
  between the ends of two steps. Theirs run in processes of their own, see benchmarks/peers/; start and imports are not
  counted. Ours collates every batch anew, theirs are given them whole; images are not augmented.

Teachers, `near` of steps and peers, `far` of whole runs, are not trained: how right they are costs no time. Triples are
quartiles, of `*_over_*` those of the ratios of neighbours.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch
from peers.common import DEVICE, WARM_UP, Clock, save_batches, wait
from peers.rounds import alternate, quartiles, ratios
from torch import nn
from torch.optim.swa_utils import update_bn
from transformers import TrainingArguments, logging

from lehr.files import write_text
from lehr.glue.problem import GlueProblem
from lehr.kd import Inputs, Stage, distill, keep_logits
from lehr.kd.data import Learner, TaughtDataset
from lehr.kd.distillation import DEFAULTS
from lehr.kd.problem import Problem
from lehr.kd.trainer import DistillationTrainer, bf16_pays
from lehr.versions import versions
from lehr.vision import Images
from lehr.vision.problem import VisionProblem

MINILM, MPNET = "sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-mpnet-base-v2"
PLAIN = Stage("hard-labels", epochs=1)
ANNEALED = Stage("annealed-regression", epochs=1, teacher="teacher")
KD = Stage("kd", epochs=1, teacher="teacher")


@dataclass
class Case:
    """A task, with descriptions of its models; `near` is a teacher that reads the student's rows, `far` may not be."""

    name: str
    problem: Problem
    student: dict[str, Any]
    near: dict[str, Any]
    far: dict[str, Any]
    rows: int
    views: int
    batch: int
    training: dict[str, Any]

    def __post_init__(self) -> None:
        self.training |= {"per_device_train_batch_size": self.batch, "disable_tqdm": False}

    def model(self, which: str) -> nn.Module:
        torch.manual_seed(0)
        model = self.problem.model(getattr(self, which)).to(DEVICE)
        if which != "student" and isinstance(self.problem, VisionProblem):
            images = self.inputs("student", 512).train.__getitems__(range(512))["images"]
            # In evaluation, a fresh network's logits run into the millions.
            update_bn([images.to(DEVICE)], model)
        return model

    def inputs(self, which: str, rows: int, *, augmented: bool = True) -> Inputs:
        """The first rows, as a model sees them."""
        whole = self.problem.inputs(getattr(self, which))
        if rows > len(whole.train):
            raise ValueError(f"{self.name}: {rows} rows are asked for, and there are {len(whole.train)}")
        if isinstance(images := whole.train, Images):
            some: Any = Images(images.pixels[:rows], images.labels[:rows], images.statistics, augmented=augmented)
        else:
            some = images.select(range(rows))
        return Inputs(some, whole.collator)

    def trainer(
        self, stage: Stage, inputs: Inputs, folder: Path, *, logits: Any = None, online: Any = None, bf16: bool = False
    ) -> DistillationTrainer:
        """For one epoch over the rows in their order, with a fresh student."""
        settings = {**DEFAULTS, **self.training, "num_train_epochs": 1, "bf16": bf16, "eval_strategy": "no"}
        settings |= {"save_strategy": "no", "train_sampling_strategy": "sequential", "dataloader_drop_last": True}
        settings |= {"dataloader_pin_memory": DEVICE.type == "cuda", "use_cpu": DEVICE.type == "cpu"}
        dataset = TaughtDataset(inputs, logits=logits and [[logits]], online=inputs if online else None)
        return DistillationTrainer(
            Learner(self.model("student")),
            TrainingArguments(str(folder), **settings),
            stage=stage,
            train_dataset=dataset,
            online=[online] if online else [],
            teacher_collator=inputs.collator,
        )


class Loop:
    """A Trainer's own loop, one step at a time."""

    def __init__(self, trainer: DistillationTrainer, steps: int) -> None:
        trainer.create_optimizer_and_scheduler(steps)
        self.model, self.optimizer = trainer.accelerator.prepare(trainer.model, trainer.optimizer)
        trainer.state.max_steps = steps
        trainer.current_gradient_accumulation_steps = 1
        self.trainer = trainer
        self.batches = chain.from_iterable(trainer.get_train_dataloader() for _ in count())

    def step(self) -> float:
        """Its seconds."""
        trainer, began = self.trainer, time.perf_counter()
        [batch], items = trainer.get_batch_samples(self.batches, 1, trainer.args.device)
        trainer.training_step(self.model, batch, items)
        if trainer.args.max_grad_norm:
            trainer.accelerator.clip_grad_norm_(self.model.parameters(), trainer.args.max_grad_norm)
        self.optimizer.step()
        trainer.lr_scheduler.step()
        self.model.zero_grad()
        trainer.state.global_step += 1
        wait()
        return time.perf_counter() - began


def time_steps(case: Case, batches: int, rounds: int, folder: Path) -> dict[str, Any]:
    inputs, teacher = case.inputs("student", batches * case.batch), case.model("near")
    logits = keep_logits(teacher, inputs.view(0), inputs.collator, cache=folder, bf16=bf16_pays())
    loops = {
        "plain": Loop(case.trainer(PLAIN, inputs, folder, bf16=bf16_pays()), batches * rounds),
        "kept": Loop(case.trainer(ANNEALED, inputs, folder, logits=logits, bf16=bf16_pays()), batches * rounds),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(batches * rounds):
        for name in ("plain", "kept") if number % 2 else ("kept", "plain"):
            seconds[name].append(loops[name].step())
    seconds = {name: values[WARM_UP:] for name, values in seconds.items()}
    return {
        "pairs": batches * rounds - WARM_UP,
        "plain_seconds": quartiles(seconds["plain"]),
        "kept_seconds": quartiles(seconds["kept"]),
        "kept_over_plain": ratios(seconds["kept"], seconds["plain"]),
    }


def time_runs(case: Case, epochs: int, runs: int, folder: Path) -> dict[str, Any]:
    inputs = {name: case.inputs(which, case.rows) for name, which in (("student", "student"), ("teacher", "far"))}
    student, teacher = case.model("student"), case.model("far")
    seconds: dict[str, list[float]] = {"kept": [], "online": []}
    for number in range(runs):
        for name in ("kept", "online") if number % 2 else ("online", "kept"):
            began = time.perf_counter()
            distill(
                teacher,
                copy.deepcopy(student),
                inputs["student"].train,
                recipe="annealing-kd",
                epochs=epochs,
                collator=inputs["student"].collator,
                inputs=inputs,
                views=case.views,
                training=case.training,
                output=folder / f"{case.name}-{number}-{name}",
                cache=folder / f"{case.name}-{number}-cache",
                online=name == "online",
            )
            wait()
            seconds[name].append(time.perf_counter() - began)
    return {
        "rows": case.rows,
        "epochs": epochs,
        "views": case.views,
        **{f"{name}_seconds": [round(value, 2) for value in values] for name, values in seconds.items()},
        "online_over_kept": ratios(seconds["online"], seconds["kept"]),
    }


def time_peers(case: Case, peers: dict[str, str], batches: int, rounds: int, export: Path, cache: Path) -> Any:
    inputs = case.inputs("student", batches * case.batch, augmented=False)
    teacher, folder = case.model("near"), export / case.name
    case.problem.save(case.model("student"), case.student, folder / "student")
    case.problem.save(teacher, case.near, folder / "teacher")
    save_batches(folder, list(case.trainer(PLAIN, inputs, cache).get_train_dataloader()))
    logits = keep_logits(teacher, inputs.view(0), inputs.collator, cache=cache)

    def lehr() -> dict[str, float]:
        found = {}
        for variant, told in (("online", {"online": teacher}), ("kept", {"logits": logits})):
            trainer = case.trainer(KD, inputs, cache, **told)
            clock = Clock(trainer.create_optimizer())
            trainer.train()
            found[variant] = clock.seconds()
        return found

    return {"batches": batches, "rounds": rounds, **alternate(lehr, peers, folder, rounds)} if peers else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--only", choices=["text", "images"])
    parser.add_argument("--parts", nargs="+", choices=["step", "run", "peers"], default=["step", "run", "peers"])
    parser.add_argument("--batches", type=int, default=60, help="steps of a round; MRPC has 92 batches or a few more")
    parser.add_argument("--rounds", type=int, default=5, help="of steps, and of peers")
    parser.add_argument("--runs", type=int, default=3, help="whole runs of each kind")
    parser.add_argument("--epochs", type=int, default=6, help="of a whole run")
    parser.add_argument("--rows", type=int, nargs=2, default=[512, 5120], help="of a whole run; text and images")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON", help="run_NAME.py by that Python")
    parser.add_argument("--export", type=Path, help="where to leave the peers' models and batches")
    parser.add_argument("--data", default="../shared/data", help="folder with nyu-mll/glue and uoft-cs/cifar10")
    options = parser.parse_args()
    logging.set_verbosity_error()  # heads that begin afresh are meant to

    peers = dict(peer.split("=", 1) for peer in options.peer)
    result: dict[str, Any] = {"threads": torch.get_num_threads(), "bf16": bf16_pays(), "device": str(DEVICE)}
    result["versions"] = versions()
    for name in [options.only] if options.only else ["text", "images"]:
        case = {"text": text, "images": images}[name](options.data, options.rows[name == "images"])
        found: dict[str, Any] = {key: getattr(case, key) for key in ("student", "near", "far", "batch")}
        result[name] = found
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if "step" in options.parts:
                found["step"] = time_steps(case, options.batches, options.rounds, folder)
            if "run" in options.parts:
                found["run"] = time_runs(case, options.epochs, options.runs, folder)
            if "peers" in options.parts and (peers or options.export):
                export = options.export or folder / "export"
                found["peers"] = time_peers(case, peers, options.batches, options.rounds, export, folder)
        write_text(options.result, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def text(data: str, rows: int) -> Case:
    student, near, far = {"from": MINILM, "layers": [0, 2, 5]}, {"from": MINILM}, {"from": MPNET}
    return Case(
        "text", GlueProblem("mrpc", f"{data}/nyu-mll/glue"), student, near, far, rows, 1, 32, {"learning_rate": 5e-5}
    )


def images(data: str, rows: int) -> Case:
    student, near, far = {"network": "resnet8"}, {"network": "resnet20"}, {"network": "resnet56"}
    training = {"optim": "sgd", "optim_args": "momentum=0.9", "learning_rate": 0.1, "weight_decay": 1e-4}
    training["max_grad_norm"] = 0
    return Case("images", VisionProblem(f"{data}/uoft-cs/cifar10"), student, near, far, rows, 2, 128, training)


if __name__ == "__main__":
    main()
