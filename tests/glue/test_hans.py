from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("datasets", reason="HANS is read with Datasets: pip install 'lehr[train]'")

from lehr.glue.hans import HANS, read_hans, scores_by_heuristic

COLUMNS = ["gold_label", "sentence1_parse", "sentence1", "sentence2", "pairID", "heuristic"]
ROWS = [
    [
        "non-entailment",
        "(ROOT x)",
        "The doctor paid the actor .",
        "The actor paid the doctor .",
        "ex0",
        "lexical_overlap",
    ],
    ["entailment", "(ROOT x)", 'He said "yes .', "He said .", "ex1", "lexical_overlap"],
    ["non-entailment", "(ROOT x)", "The doctor near the actor danced .", "The actor danced .", "ex2", "subsequence"],
    ["entailment", "(ROOT x)", "Before he came , she left .", "She left .", "ex3", "constituent"],
]


@pytest.fixture(params=["heuristics_evaluation_set.txt", "heuristics_evaluation_set.jsonl"])
def hans(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    if path.suffix == ".txt":
        lines = ["\t".join(row) for row in [COLUMNS, *ROWS]]
    else:
        lines = [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in ROWS]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_neutral_and_contradiction_are_non_entailment(hans: Path) -> None:
    rows = read_hans(hans)
    assert rows["label"][:] == [1, 0, 1, 0]
    assert rows[1] == {
        "premise": 'He said "yes .',
        "hypothesis": "He said .",
        "label": 0,
        "heuristic": "lexical_overlap",
    }

    # contradiction, right; entailment, right; entailment, wrong; neutral, wrong
    logits = np.eye(3)[[2, 0, 0, 1]]
    assert HANS.scores(logits, np.asarray(rows["label"][:])) == {"accuracy": 1 / 2}
    assert scores_by_heuristic(logits, rows) == {
        "lexical_overlap": 1,
        "subsequence": 0,
        "constituent": 0,
        "accuracy": 1 / 2,
    }
    assert scores_by_heuristic(np.eye(3)[[1, 0, 1, 0]], rows)["accuracy"] == 1
    assert scores_by_heuristic(np.eye(3)[[0, 2, 0, 1]], rows)["accuracy"] == 0


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no HANS file at .*absent\.txt: No such file"):
        read_hans(tmp_path / "absent.txt")
    for text, message in {
        "a\tb\n1\t2\n": "a row has no column 'sentence1'",
        "\t".join(COLUMNS) + "\n": "no rows",
        "\t".join(COLUMNS) + "\nneutral\t\ta\tb\tc\td\n": "unknown gold_label 'neutral'",
        "\t".join(COLUMNS) + "\nentailment\t\ta\n": "a row breaks off",
    }.items():
        (tmp_path / "hans.txt").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_hans(tmp_path / "hans.txt")
    (tmp_path / "hans.jsonl").write_text("{\n")
    with pytest.raises(ValueError, match="a line is no JSON"):
        read_hans(tmp_path / "hans.jsonl")
