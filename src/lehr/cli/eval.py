"""`lehr eval`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .bar import progress
from .score import DISTANCES, by_difference, by_metric, new_table, per_cent

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from ..document import Document
    from ..evaluation import GapReport, Report, Resolve
    from ..scoring import Score


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The folder of a model: encoder.onnx or safetensors.")],
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA", help="CoNLL-2012, CoNLL-U, JSONL or GAP files, or folders.", show_default=False),
    ],
    against: Annotated[
        str | None,
        typer.Option(metavar="OTHER", help="Another model: say how MODEL differs, and how sure that is."),
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Only the documents or files whose names stand in FILE.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Give the model running text instead of the gold words and sentences.")
    ] = False,
    gold_mentions: Annotated[
        bool, typer.Option("--gold-mentions", help="Give the model the gold mentions, to score its links alone.")
    ] = False,
    singletons: Annotated[
        bool, typer.Option(help="Keep clusters of one mention, or remove them from both sides first.")
    ] = True,
    scheme: Annotated[
        str | None, typer.Option(metavar="NAME", help="The annotation scheme to resolve in, of those the model knows.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Compute on N threads; by default the runtime decides.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with fractions instead of per cents.")] = False,
) -> None:
    """Resolve DATA with MODEL and compare with the gold clusters.

    The scores are those of `lehr score`. Below them stand the links: every pair
    of mentions of one cluster, by the number of words from the beginning of the
    one to that of the other. Recall says how many of the gold links were found,
    precision how many of those found are gold. Speed is that of the model alone,
    in gold words; reading and scoring are not counted.

    GAP has no clusters but pronouns with two names each; it gets the F1 of its
    own scorer, for masculine and feminine pronouns, and their ratio, the bias.

    With --raw, the model splits the text itself, as it has to in practice, and
    its mentions are mapped to the gold words by their characters: what this
    loses against the gold words is the price of the splitting.

    With --gold-mentions, it finds none but is given those that are annotated,
    as some published scores are: what is lost then is lost in linking them.

    A name in the FILE of --ids is that of a document or, with any ending or
    none, of its file: LitBank's lists of splits can be used as they are.

    With --against, another model resolves the same documents, in the same way,
    and the two are compared as `lehr score --against` does. A model of several
    schemes answers in all of them unless --scheme names one, which a model that
    was trained and not exported wants.

    This needs `pip install 'lehr\\[score]'`, GAP alone does not.

    Examples:

        lehr eval my-model litbank/conll --ids litbank/splits/0/test.ids
        lehr eval my-model ontogum/dev --no-singletons --scheme chains --raw
        lehr eval my-model litbank/conll --against my-older-model
        lehr eval my-model gap-test.tsv --json
    """
    from ..comparison import FEWEST, compare
    from ..evaluation import evaluate as evaluate_documents
    from ..evaluation import evaluate_gap, from_text, read_data
    from ..extras import needs

    names = [model] if against is None else [model, against]
    if raw and gold_mentions:
        raise ValueError("--gold-mentions stand in gold words, and --raw takes these away: give one of them")
    settings: dict[str, Any] = {"singletons": singletons, "gold_mentions": gold_mentions, "scheme": scheme}
    models = [load(name, threads=threads, **settings) for name in names]
    (resolve, language), *_ = models
    found = read_data(data, ids, language)
    if found.documents:
        needs("score")
    if gold_mentions and found.examples:
        raise ValueError("GAP has three mentions of each passage annotated, and not all: leave out --gold-mentions")
    if against is not None and (found.examples or len(found.documents) < FEWEST):
        raise ValueError(f"--against draws among documents with clusters: give {FEWEST} or more, and no GAP")
    work = [*list(found.documents) * len(models), *(example.document for example in found.examples)]
    with progress(sum(len(document.words) for document in work)) as done:
        reports, gap = [], None
        for one, its_language in models if found.documents else ():
            measured = _watched(from_text(one, its_language) if raw else one, done)
            reports.append(
                evaluate_documents(measured, found.documents, singletons=singletons, gold_mentions=gold_mentions)
            )
        if found.examples:
            gap = evaluate_gap(_watched(resolve, done), found.examples)

    differences = None
    if against is not None:
        triples = zip(found.documents, *(report.answers for report in reports), strict=True)
        differences = compare([*triples], singletons=singletons)

    if json:
        from json import dumps

        from ..versions import versions

        result: dict[str, Any] = {
            "versions": versions(),
            "model": model,
            "scheme": scheme,
            "raw": raw,
            "gold_mentions": gold_mentions,
            "coreference": reports[0].as_dict() if reports else None,
            "gap": gap and gap.as_dict(),
        }
        if differences is not None:
            changes = {name: difference.as_dict() for name, difference in differences.items()}
            result["against"] = {"model": against, "coreference": reports[1].as_dict(), "differences": changes}
        typer.echo(dumps(result, indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
        kind = "on raw text" if raw else "on gold mentions" if gold_mentions else "on gold words"
        if differences is not None:
            console.print(by_difference(differences, "MODEL", singletons=singletons, documents=len(found.documents)))
        elif reports:
            console.print(by_metric(reports[0].scores, documents=reports[0].documents))
            console.print(_by_distance(reports[0]))
        for name, report in zip(names, reports, strict=False):
            console.print(_speed(report), kind if against is None else f"{kind}: {name}")
        if gap:
            console.print(_by_gender(gap))
            console.print(_speed(gap), "on GAP")


def load(
    model: str, *, singletons: bool, gold_mentions: bool, scheme: str | None, threads: int | None
) -> tuple[Resolve, str]:
    """The model of a folder, whether exported or as it was trained, or, if there is no such folder, of the Hub.

    Its language is given with it. With `gold_mentions`, it clusters the mentions that a document comes with.

    Raises:
        ValueError: if the folder holds no model, or the model has no such scheme or cannot be given mentions.
        ImportError: if the model is a checkpoint and the packages that train are not installed.
    """
    folder = Path(model)
    if folder.is_dir() and not (folder / "encoder.onnx").is_file():
        if not (folder / "model.safetensors").is_file():
            raise ValueError(f"{model} holds no model: neither encoder.onnx nor model.safetensors")
        from ..extras import needs

        if gold_mentions:
            raise ValueError(f"{model} was not exported and finds its mentions itself: lehr export it first")
        needs("train")
        import torch

        from ..coref.configuration import LehrConfig
        from ..coref.prediction import resolver_of

        if threads:
            torch.set_num_threads(threads)
        return resolver_of(model, scheme), LehrConfig.from_pretrained(model).language

    from ..resolver import Resolver

    resolver = Resolver.from_pretrained(model, threads=threads)
    if scheme is not None and scheme not in resolver.config.schemes:
        raise ValueError(f"{model} has no scheme {scheme!r}, only {', '.join(resolver.config.schemes)}")

    def resolve(document: Document) -> Document:
        given = [mention for cluster in document.clusters for mention in cluster.mentions] if gold_mentions else None
        return resolver(document, mentions=given, singletons=singletons, scheme=scheme)

    return resolve, resolver.config.language


def _watched(resolve: Resolve, done: Callable[[float], object]) -> Resolve:
    """`resolve`, telling how many words it has resolved."""

    def watched(document: Document) -> Document:
        answer = resolve(document)
        done(len(document.words))
        return answer

    return watched


def _by_distance(report: Report) -> Table:
    table = new_table("links by distance", "gold", "found", "recall", "precision", "F1")
    for distance, label in DISTANCES.items():
        _row(table, label, report.links[distance], end_section=distance == "beyond_1000")
    _row(table, "all", report.all_links)
    return table


def _row(table: Table, label: str, links: Score, *, end_section: bool = False) -> None:
    """Counts and scores; a quotient with nothing below the line is shown as a dash."""
    known = [(links.recall, links.key), (links.precision, links.response), (links.f1, links.key + links.response)]
    measures = [per_cent(fraction) if of else "–" for fraction, of in known]
    table.add_row(label, f"{links.key:,.0f}", f"{links.recalled:,.0f}", *measures, end_section=end_section)


def _by_gender(gap: GapReport) -> Table:
    table = new_table("GAP", "F1")
    table.add_row("masculine", f"{gap.score.masculine:.2f}")
    table.add_row("feminine", f"{gap.score.feminine:.2f}")
    table.add_row("bias", "–" if gap.score.bias is None else f"{gap.score.bias:.3f}", end_section=True)
    table.add_row("overall", f"{gap.score.overall:.2f}", style="bold")
    table.caption = f"{gap.examples:,} examples"
    return table


def _speed(report: Report | GapReport) -> str:
    return f"{report.words_per_second:,.0f} words per second: {report.words:,} in {report.seconds:.2f} s,"
