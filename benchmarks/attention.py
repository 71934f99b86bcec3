"""What training an encoder takes with torch's fused attention, and with products and a softmax in its place.

python benchmarks/attention.py results/attention.json

Forward and backward pass of MiniLM's six layers, by the length of rows of random pieces, 2,048 of them a batch; the two
take turns. One thread, as each of two cells has that run side by side.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from transformers import PreTrainedModel

from lehr.files import write_text
from lehr.glue.models import classifier
from lehr.glue.tasks import SST2
from lehr.versions import versions

LENGTHS = (16, 32, 64, 128, 256, 512)
PIECES = 2048
"""Of a batch."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="JSON file to write")
    parser.add_argument("--encoder", default="sentence-transformers/all-MiniLM-L6-v2")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()

    torch.set_num_threads(1)
    model = classifier(options.encoder, SST2).train()
    rows = []
    for bf16 in (True, False):
        for length in LENGTHS:
            ids = torch.randint(1000, 20000, (PIECES // length, length))
            seconds: dict[str, list[float]] = {"sdpa": [], "eager": []}
            for _ in range(options.rounds + 1):
                for attention, found in seconds.items():
                    model.set_attn_implementation(attention)
                    found.append(_step(model, ids, bf16))
            medians = {attention: statistics.median(found[1:]) for attention, found in seconds.items()}
            ratios = [eager / sdpa for sdpa, eager in zip(seconds["sdpa"][1:], seconds["eager"][1:], strict=True)]
            rows.append(
                {
                    "bf16": bf16,
                    "length": length,
                    "seconds_fused": round(medians["sdpa"], 4),
                    "seconds_apart": round(medians["eager"], 4),
                    "apart_over_fused": round(statistics.median(ratios), 3),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    result = {
        "encoder": options.encoder,
        "pieces": PIECES,
        "rounds": options.rounds,
        "rows": rows,
        "versions": versions(),
    }
    write_text(options.result, json.dumps(result, indent=1) + "\n")


def _step(model: PreTrainedModel, ids: torch.Tensor, bf16: bool) -> float:
    began = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float().square().mean()
    loss.backward()
    spent = time.perf_counter() - began
    model.zero_grad()
    return spent


if __name__ == "__main__":
    main()
