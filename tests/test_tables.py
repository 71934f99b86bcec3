"""The numbers in the documentation are those in results/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_tables_say_what_the_results_say() -> None:
    script = Path(__file__).parents[1] / "benchmarks/tables.py"
    run = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
