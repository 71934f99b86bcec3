"""Rounds in which lehr and its peers take turns, and what is told of them."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch


def alternate(
    lehr: Callable[[], dict[str, float]], peers: Mapping[str, str], folder: Path, rounds: int
) -> dict[str, Any]:
    """Seconds per step of each toolkit's variants, and how many times lehr's they are in the same round.

    Args:
        lehr: gives seconds per step by variant, `kept` and `online`.
        peers: by name, as in `run_NAME.py`, the Python with that toolkit.
        folder: the exported models and batches.
        rounds: every toolkit has one turn in each; the order is turned round every time.
    """
    seconds: dict[str, dict[str, list[float]]] = {name: {} for name in ("lehr", *peers)}
    known: dict[str, Any] = {}
    for number in range(rounds):
        for name in reversed(seconds) if number % 2 else seconds:
            if name == "lehr":
                found = lehr()
            else:
                answer = _ask(peers[name], name, folder)
                found, known[name] = answer["seconds"], answer["versions"]
            for variant, value in found.items():
                seconds[name].setdefault(variant, []).append(value)
    told: dict[str, Any] = {
        name: {
            variant: {
                "seconds": quartiles(values),
                "over_lehr_online": ratios(values, seconds["lehr"]["online"]),
                "over_lehr_kept": ratios(values, seconds["lehr"]["kept"]),
            }
            for variant, values in variants.items()
        }
        for name, variants in seconds.items()
    }
    return {**told, "versions": known}


def _ask(python: str, name: str, folder: Path) -> dict[str, Any]:
    script = Path(__file__).parent / f"run_{name}.py"
    command = [python, "-W", "ignore", str(script), str(folder), "--threads", str(torch.get_num_threads())]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def quartiles(values: list[float], digits: int = 5) -> list[float]:
    """Lower quartile, median, upper quartile."""
    found = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return [round(value, digits) for value in found]


def ratios(values: list[float], others: list[float]) -> list[float]:
    """Quartiles of the ratios of neighbours."""
    return quartiles([value / other for value, other in zip(values, others, strict=True)], 3)
