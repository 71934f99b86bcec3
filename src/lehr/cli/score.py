"""`lehr score`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache, partial
from math import isnan
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ..comparison import Difference
    from ..document import Document
    from ..scoring import Scores

LABELS = {
    "mentions": "mentions",
    "muc": "MUC",
    "b_cubed": "B³",
    "ceaf_e": "CEAF-e",
    "ceaf_m": "CEAF-m",
    "lea": "LEA",
    "blanc": "BLANC",
}
"""The metrics in the order of the table; the CoNLL mean is that of the second, third and fourth."""
DISTANCES = {
    "same_sentence": "in one sentence",
    "up_to_50": "up to 50 words",
    "up_to_200": "51 to 200",
    "up_to_1000": "201 to 1,000",
    "beyond_1000": "over 1,000",
}


def score(
    key: Annotated[
        Path, typer.Argument(metavar="KEY", help="The right clusters: CoNLL-2012, CoNLL-U, JSONL, or a folder of such.")
    ],
    response: Annotated[
        Path,
        typer.Argument(metavar="RESPONSE", help="The clusters to score, of the same documents; a folder for a folder."),
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="OTHER",
            help="Another response to the same documents: say how RESPONSE differs, and how sure that is.",
        ),
    ] = None,
    singletons: Annotated[
        bool, typer.Option(help="Keep clusters of one mention, or remove them from both files first.")
    ] = True,
    per_document: Annotated[
        bool, typer.Option("--per-document", help="Score each document of RESPONSE as well.")
    ] = False,
    language: Annotated[str, typer.Option(metavar="CODE", help="Of texts without words in JSONL.")] = "en",
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with fractions instead of per cents.")] = False,
) -> None:
    """Score the clusters of RESPONSE against those of KEY.

    Recall, precision and F1, in per cent, of mention detection and of six
    coreference metrics, and the CoNLL mean: the F1 of MUC, B³ and CEAF-e.
    The numbers are those of the official CoNLL scorer, version 8.01, rounded
    where it cuts off; LEA, which it lacks, is that of Moosavi and Strube.

    Documents are paired by name and part, in folders within files of the same
    name, and their counts are summed before they are divided. It is an error if
    RESPONSE lacks a document of KEY or has it with another number of words; what
    else it has is not scored.

    Some corpora have singletons (LitBank), some have none (OntoNotes). Only
    scores that both keep them, or both drop them, can be compared; CorefUD drops
    them. A mention is found if all of its words are: its head is not enough.
    Zero mentions, which CoNLL-U has, are scored on neither side; their number is
    told.

    With --against, two responses are compared: the F1 of both, the difference,
    and its interval of 95 per cent, from drawing the documents anew (paired
    bootstrap; six or more, and ten are still few). With 0 in the interval, other
    documents may have it the other way. Links are pairs of mentions, by the words
    from the beginning of the one to that of the other.

    This needs `pip install 'lehr\\[score]'`.

    Examples:

        lehr score gold.conll predicted.conll
        lehr score gold.conll predicted.jsonl --no-singletons --per-document
        lehr score gold.conllu predicted.conllu --no-singletons
        lehr score gold/ resolved/
        lehr score gold/ resolved/ --against resolved-by-another/
    """
    from ..extras import needs

    needs("score")
    from ..comparison import compare
    from ..evaluation import in_order
    from ..language import check_code
    from ..scoring import Scores, score_document

    responses = [response] if against is None else [response, against]
    rows = _rows(key, responses, check_code(language))
    if not singletons and all(len(cluster.mentions) < 2 for gold, *_ in rows for cluster in gold.clusters):
        raise ValueError(f"{key} has no cluster of more than one mention to score by: leave out --no-singletons")
    documents = [
        (document, score_document(in_order(document), in_order(answer), singletons=singletons))
        for document, answer, *_ in rows
    ]
    total = sum((scores for _, scores in documents), Scores(singletons=singletons))
    differences = None
    if against is not None:
        differences = compare([(document, one, other) for document, one, other in rows], singletons=singletons)

    if json:
        from json import dumps

        result = total.as_dict()
        if differences is not None:
            result["against"] = {name: difference.as_dict() for name, difference in differences.items()}
        if per_document:
            result["documents"] = [{"id": doc.id, "part": doc.part, **scores.as_dict()} for doc, scores in documents]
        typer.echo(dumps(result, indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        console = Console(width=None if sys.stdout.isatty() else 160)
        if per_document:
            console.print(_by_document(documents))
        if differences is None:
            console.print(by_metric(total, documents=len(documents)))
        else:
            console.print(by_difference(differences, "RESPONSE", singletons=singletons, documents=len(documents)))


def _rows(key: Path, responses: list[Path], language: str) -> list[tuple[Document, ...]]:
    """Each document of the key and the answers to it; what is odd about them goes to standard error.

    Raises:
        ValueError: if an answer lacks, or has another number of words, or the key has no cluster.
    """
    from ..formats import read_file

    read = cache(partial(read_file, language=language))
    columns: list[list[Document]] = []
    for response in responses:
        pairs, extra = [], 0
        for key_file, response_file in _files(key, response):
            paired = pair_documents(read(key_file), read(response_file), key=key_file, response=response_file)
            pairs += paired
            extra += len(read(response_file)) - len(paired)
        if not any(document.clusters for document, _ in pairs):
            raise ValueError(
                f"{key} has no cluster to score by: give annotated documents, in CoNLL-2012, CoNLL-U or JSONL"
            )
        if extra:
            typer.echo(f"lehr: not scored, as {key} has no more of them: {_documents(extra)} of {response}", err=True)
        if other := [document.id for document, answer in pairs if document.tokens != answer.tokens]:
            told = f"{_documents(len(other))}, the first {other[0]!r}"
            typer.echo(
                f"lehr: {key} and {response} differ in some of the words of {told}: scored by their places", err=True
            )
        columns = columns or [[document for document, _ in pairs]]
        columns.append([answer for _, answer in pairs])
    return [*zip(*columns, strict=True)]


def _files(key: Path, response: Path) -> list[tuple[Path, Path]]:
    """The two files, or each file in the folder KEY with that of the same name, whatever its ending, in the other.

    Raises:
        ValueError: if one of the two is a folder and the other is not, or a file has no other, or several.
    """
    from ..formats.folders import ANNOTATED, below, files_in

    if key.is_dir() != response.is_dir():
        raise ValueError(f"{key} and {response}: give two files, or two folders")
    if not key.is_dir():
        return [(key, response)]
    answers: dict[PurePath, Path] = {}
    for file in files_in(response, ANNOTATED):
        if (same := answers.setdefault(below(file, response).with_suffix(""), file)) != file:
            raise ValueError(f"{same} and {file} have one name: take away the one that is not to be scored")
    found = [(file, answers.get(below(file, key).with_suffix(""))) for file in files_in(key, ANNOTATED)]
    if absent := next((file for file, answer in found if answer is None), None):
        raise ValueError(f"{response} has no file for {absent}")
    return [(file, answer) for file, answer in found if answer is not None]


def pair_documents(
    keys: list[Document], responses: list[Document], *, key: Path, response: Path
) -> list[tuple[Document, Document]]:
    """Each document of the key with that of the response which has its name and part, or, of several, which is in turn.

    Documents without a name of their own bear those of their files, and as such are paired by their places in these.

    Raises:
        ValueError: if a document has no response, or one with another number of words.
    """
    waiting: dict[tuple[str, int], list[Document]] = {}
    for answer in reversed(responses):
        waiting.setdefault((answer.id, answer.part), []).append(answer)
    pairs = []
    for document in keys:
        candidates = waiting.get((document.id, document.part))
        if not candidates and re.fullmatch(re.escape(key.stem) + r"(:\d+)?", document.id):
            candidates = waiting.get((response.stem + document.id.removeprefix(key.stem), document.part))
        if not candidates:
            raise ValueError(f"{response} has no document {document.id!r}, part {document.part}, which {key} has")
        answer = candidates.pop()
        if len(answer.words) != len(document.words):
            raise ValueError(
                f"document {document.id!r}, part {document.part}, has {len(document.words)} words in {key} "
                f"but {len(answer.words)} in {response}"
            )
        pairs.append((document, answer))
    return pairs


def _documents(number: int) -> str:
    return f"{number} document{'s' * (number != 1)}"


def new_table(first: str, *others: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(first, box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, collapse_padding=True)
    for header in others:
        table.add_column(header, justify="right", no_wrap=True)
    return table


def by_metric(scores: Scores, *, documents: int) -> Table:
    table = new_table("", "recall", "precision", "F1")
    for metric, label in LABELS.items():
        score = scores.metrics[metric]
        ends = metric in ("mentions", "ceaf_e", "blanc")
        table.add_row(label, *map(per_cent, (score.recall, score.precision, score.f1)), end_section=ends)
    table.add_row("CoNLL mean", "", "", per_cent(scores.conll), style="bold")
    table.caption = _caption(documents, scores.singletons)
    return table


def by_difference(differences: Mapping[str, Difference], one: str, *, singletons: bool, documents: int) -> Table:
    table = new_table("F1", one, "OTHER", "difference", "95 % interval")
    labels = LABELS | {"conll": "CoNLL mean"} | {kind: f"links {label}" for kind, label in DISTANCES.items()}
    for name, label in labels.items():
        of = differences[name]
        low, high = _signed(of.low), _signed(of.high)
        table.add_row(
            label,
            "–" if isnan(of.one) else per_cent(of.one),
            "–" if isnan(of.other) else per_cent(of.other),
            _signed(of.difference),
            "–" if "–" in (low, high) else f"{low} to {high}",
            style="bold" if name == "conll" else None,
            end_section=name in ("mentions", "ceaf_e", "blanc", "conll"),
        )
    table.caption = _caption(documents, singletons)
    return table


def _signed(fraction: float) -> str:
    return "–" if isnan(fraction) else f"{100 * fraction:+.2f}"


def _caption(documents: int, singletons: bool) -> str:
    return f"{_documents(documents)}, singletons {'kept' if singletons else 'dropped'}"


def _by_document(documents: list[tuple[Document, Scores]]) -> Table:
    from rich.text import Text

    table = new_table("RESPONSE, F1 by document", *LABELS.values(), "CoNLL")
    for document, scores in documents:
        name = Text(f"{document.id}, part {document.part}" if document.part else document.id, overflow="fold")
        table.add_row(name, *(per_cent(scores.metrics[metric].f1) for metric in LABELS), per_cent(scores.conll))
    return table


def per_cent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
