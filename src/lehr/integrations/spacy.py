"""lehr as a component of a spaCy pipeline: ``nlp.add_pipe("lehr")``; see docs/spacy.md.

The model reads spaCy's own words, white space left out, so that mentions begin and end with tokens whatever the
tokenizer; and spaCy's own sentences where the pipeline has set some, else those that `lehr.formats.text` finds.
"""

# No annotations as strings here: spaCy checks options by those of `make`, which not every version of it can read then.

import colorsys
import json
import os
import shutil
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import srsly  # type: ignore[import-untyped]
from spacy import displacy
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup, Token

from .. import __version__
from ..document import Document, Mention
from ..formats.text import split_sentences, split_words
from ..language import is_code
from ..naming import best_names
from ..resolved import resolved_text
from ..resolver import Resolver
from ..resolver.answer import Options
from ..resolver.config import Config
from ..resolver.location import EXAMPLE, FILES, fingerprint, locate

PREFIX = "coref_clusters"
"""What spacy-experimental calls its groups of spans, too."""

_OPTIONS: dict[str, Any] = {
    "model": None,
    "threads": None,
    "scheme": None,
    "mention_threshold": None,
    "link_threshold": None,
    "singletons": False,
    "horizon": None,
    "prefix": PREFIX,
}
_OF_A_CALL = ("scheme", "mention_threshold", "link_threshold", "singletons", "horizon")
_SAVED = "lehr.json"
_COPIED = (*FILES, EXAMPLE, "README.md")


class Coreference:
    """Finds the mentions of a spaCy document and writes its clusters into ``doc.spans``.

    The model is read when the first document comes, once in each process. See `make` for the options.
    """

    def __init__(self, **options: Any) -> None:
        self.options = {**_OPTIONS, **options}
        self._folder: Path | None = None  # of a model that came with the saved pipeline
        self._expected: str | None = None
        self._temporary: TemporaryDirectory[str] | None = None
        self._resolvers: dict[int, Resolver] = {}

    @property
    def resolver(self) -> Resolver:
        """The resolver of this process.

        One that a fork has brought along cannot be used, as its threads stayed behind; nor freed, which waits for them.

        Raises:
            OSError: if there is no model; ValueError: if it is damaged.
        """
        process = os.getpid()
        if process not in self._resolvers:
            resolver = Resolver.from_pretrained(self._source, threads=self.options["threads"])
            if self._expected and self._expected != fingerprint(resolver.directory):
                warnings.warn(
                    f"this pipeline was saved with another model than {resolver.directory} holds, so that its answers "
                    f"may differ; a model that is named by its folder is saved with the pipeline",
                    stacklevel=3,
                )
            self._resolvers[process] = resolver
        return self._resolvers[process]

    def __call__(self, doc: Doc) -> Doc:
        """Write the clusters of a document into it, and return it.

        Raises:
            OSError: if there is no model.
            ValueError: if the model is damaged or has not learned the scheme, or an option is out of its range.
        """
        doc._.coref_language = _code(doc) or self.resolver.config.language
        document, tokens = words_of(doc)
        options = {name: self.options[name] for name in _OF_A_CALL}
        _write(doc, self.resolver(document, **options), tokens, self.options["prefix"])
        return doc

    def to_disk(self, path: str | os.PathLike[str], *, exclude: Collection[str] = ()) -> None:
        """Save the options and, unless "model" is excluded, the files of a model that came from a folder.

        Of lehr's own model, and of one from the hub, only the name and a fingerprint are saved.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        own = self._own_files(exclude)
        if not own and "model" not in exclude:
            shutil.rmtree(folder / "model", ignore_errors=True)  # of another pipeline that was saved here
        for name, file in own.items():
            (folder / "model").mkdir(exist_ok=True)
            if not (target := folder / "model" / name).exists() or not target.samefile(file):
                shutil.copyfile(file, target)
        (folder / _SAVED).write_text(json.dumps(self._saved(), indent=1) + "\n", "utf-8")

    def from_disk(self, path: str | os.PathLike[str], *, exclude: Collection[str] = ()) -> "Coreference":
        """Restore what `to_disk` saved; options that were given when the component was made go before saved ones.

        Raises:
            OSError: if there is nothing saved.
            ValueError: if it is damaged.
        """
        folder = Path(path) / "model"
        saved = _read((Path(path) / _SAVED).read_text("utf-8"), str(path))
        return self._restore(saved, folder if folder.is_dir() and "model" not in exclude else None)

    def to_bytes(self, *, exclude: Collection[str] = ()) -> bytes:
        """As `to_disk`, in bytes: 20 MB and more if the model came from a folder."""
        files = {name: file.read_bytes() for name, file in self._own_files(exclude).items()}
        result: bytes = srsly.msgpack_dumps({_SAVED: json.dumps(self._saved()), "model": files})
        return result

    def from_bytes(self, bytes_data: bytes, *, exclude: Collection[str] = ()) -> "Coreference":
        """As `from_disk`; a model in the bytes is kept in a temporary folder for as long as the component lives.

        Raises:
            ValueError: if the bytes are damaged.
        """
        message = srsly.msgpack_loads(bytes_data)
        files = {name: data for name, data in message["model"].items() if name in _COPIED and "model" not in exclude}
        folder = self._unpack(files) if files else None
        return self._restore(_read(message[_SAVED], "the bytes"), folder)

    def __getstate__(self) -> dict[str, Any]:
        """Without the resolver, which belongs to this process, and with what is in the temporary folder."""
        files = {} if self._temporary is None else self._own_files(())
        packed = {name: file.read_bytes() for name, file in files.items()}
        return {**self.__dict__, "_resolvers": {}, "_temporary": packed}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__ = {**state, "_temporary": None}
        if state["_temporary"]:
            self._folder = self._unpack(state["_temporary"])

    def _unpack(self, files: Mapping[str, bytes]) -> Path:
        self._temporary = TemporaryDirectory(prefix="lehr-")
        folder = Path(self._temporary.name)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return folder

    @property
    def _source(self) -> str | Path | None:
        model: str | None = self.options["model"]
        return self._folder or model

    def _own_files(self, exclude: Collection[str]) -> dict[str, Path]:
        """The files of a model that whoever reads the pipeline may not have."""
        folder = self._source
        if "model" in exclude or folder is None or not Path(folder).is_dir():
            return {}
        return {name: file for name in _COPIED if (file := locate(folder) / name).is_file()}

    def _saved(self) -> dict[str, Any]:
        return {"lehr": __version__, "fingerprint": fingerprint(locate(self._source)), "options": self.options}

    def _restore(self, saved: Mapping[str, Any], folder: Path | None) -> "Coreference":
        given = {name: value for name, value in self.options.items() if value != _OPTIONS[name]}
        self.options = {**_OPTIONS, **{n: v for n, v in saved["options"].items() if n in _OPTIONS}, **given}
        same = self.options["model"] == saved["options"].get("model")
        self._folder, self._expected = (folder, saved["fingerprint"]) if same else (None, None)
        self._resolvers = {}
        return self


@Language.factory(
    "lehr",
    default_config=_OPTIONS,
    assigns=["doc.spans", "doc._.coref_clusters", "doc._.resolved_text", "token._.coref"],
)
def make(
    nlp: Language,
    name: str,
    model: str | None,
    threads: int | None,
    scheme: str | None,
    mention_threshold: float | None,
    link_threshold: float | None,
    singletons: bool,
    horizon: int | None,
    prefix: str,
) -> Coreference:
    """What ``nlp.add_pipe("lehr", config={…})`` makes.

    Args:
        nlp: the pipeline.
        name: the component's name in it.
        model: a folder or an id on the hub; None for the model that comes with lehr.
        threads: to compute on; None lets the runtime decide. With many processes, 1.
        scheme, mention_threshold, link_threshold, horizon: see `lehr.Resolver`.
        singletons: whether clusters of one mention are written, too.
        prefix: of the names of the groups of spans.

    Raises:
        ValueError: if an option is out of its range, as far as can be told without fetching a model.
    """
    options = {
        "scheme": scheme,
        "mention_threshold": mention_threshold,
        "link_threshold": link_threshold,
        "singletons": singletons,
        "horizon": horizon,
    }
    if threads is not None and threads < 1:
        raise ValueError(f"{threads} threads cannot compute: give one or more, or null to let the runtime decide")
    if model is None or Path(model).is_dir():  # else it is to be fetched, or comes with the pipeline's files
        Options(Config.read(locate(model) / "config.json"), **options)  # type: ignore[arg-type]
    return Coreference(model=model, threads=threads, prefix=prefix, **options)


def words_of(doc: Doc) -> tuple[Document, list[int]]:
    """A spaCy document as lehr's, and the position in it of each word's token.

    A word is a token without the white space around it. A token that is several words as lehr splits text, which those
    of a tokenizer that knows white space alone are, is these: mentions of them snap outward to it.
    """
    edges = sorted({edge for word in split_words(doc.text, _language(doc)) for edge in word})
    tokens: list[int] = []
    words: list[tuple[int, int]] = []
    for token in doc:
        start = token.idx + len(token.text) - len(token.text.lstrip())
        end = token.idx + len(token.text.rstrip())
        inner = edges[bisect_right(edges, start) : bisect_left(edges, end)]
        for a, b in pairwise([start, *inner, end] if start < end else []):
            if written := doc.text[a:b].strip():
                a += len(doc.text[a:b]) - len(doc.text[a:b].lstrip())
                tokens.append(token.i)
                words.append((a, a + len(written)))
    if doc.has_annotation("SENT_START"):
        starts = {0, len(words)}
        starts.update(n for n, (i, j) in enumerate(pairwise(tokens), 1) if _parts(doc, i, j))
        sentences = list(pairwise(sorted(starts)))
    else:
        sentences = split_sentences(doc.text, words, _language(doc))
    return Document("", doc.text, tuple(words), tuple(sentences)), tokens


def _parts(doc: Doc, one: int, other: int) -> bool:
    """Whether a sentence begins after one token and not after the other."""
    return any(doc[i].is_sent_start for i in range(one + 1, other + 1))


def render(doc: Doc, *, page: bool = False, jupyter: bool | None = None) -> str:
    """All mentions of all clusters as displaCy draws spans, an entity a colour: HTML, or nothing in a notebook."""
    spans, colours = [], {}
    for number, group in enumerate(_groups(doc, doc._.coref_prefix).values()):
        label = escape(f"{number + 1} {group.attrs.get('name', '')}")  # displaCy does not
        shade = colorsys.hls_to_rgb(number * 0.381966 % 1, 0.8, 0.7)  # by the golden angle, so that neighbours differ
        colours[label] = "#" + "".join(f"{round(255 * part):02x}" for part in shade)
        spans += [{"start_token": span.start, "end_token": span.end, "label": label} for span in group]
    drawing = {"text": doc.text, "tokens": [token.text for token in doc], "spans": spans}
    options = {"colors": colours}
    return displacy.render(drawing, style="span", manual=True, page=page, jupyter=jupyter, options=options)


def _write(doc: Doc, found: Document, tokens: list[int], prefix: str) -> None:
    """Put the clusters of `found` in the place of those that the document had."""
    of_token: dict[int, list[tuple[int, str]]] = {}
    before = _groups(doc, prefix)
    for key, group in before.items():
        of_token.update((i, []) for span in group for i in range(span.start, span.end))
        del doc.spans[key]
    doc._.coref_prefix = prefix
    for number, (cluster, name) in enumerate(zip(found.clusters, best_names(found, _language(doc)), strict=True), 1):
        key = f"{prefix}_{number}"
        at: dict[tuple[int, int], Mention] = {}  # several mentions may be of one token
        for mention in cluster.mentions:
            at.setdefault((tokens[mention.first_word], tokens[mention.last_word] + 1), mention)
        spans = [Span(doc, start, end, label=key) for start, end in at]
        doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs=_attributes(list(at.values()), name))
        for span in spans:
            for i in range(span.start, span.end):
                of_token.setdefault(i, []).append((len(span), key))
    for i, around in of_token.items():
        others = [key for key in doc[i]._.coref if key not in before]  # of a component with another prefix
        doc[i]._.coref = [key for _, key in sorted(around, key=lambda pair: pair[0])] + others


def _attributes(mentions: Sequence[Mention], name: str) -> dict[str, Any]:
    """What spaCy saves with a group: its name, and of its mentions, in their order, probabilities and characters."""
    return {
        "name": name,
        "scores": [m.score for m in mentions],
        "links": [m.link for m in mentions],
        "characters": [[m.start, m.end] for m in mentions],
    }


def _characters(group: SpanGroup) -> list[tuple[int, int]]:
    """The half-open characters of a cluster's mentions, before they snapped outward; of others' spans, theirs."""
    exact = group.attrs.get("characters", [])
    if len(exact) == len(group) and all(
        span.start_char <= a < b <= span.end_char for span, (a, b) in zip(group, exact, strict=True)
    ):
        return [(a, b) for a, b in exact]
    texts = ((span.start_char, span.text) for span in group)
    return [(at + len(text) - len(text.lstrip()), at + len(text.rstrip())) for at, text in texts]


def _groups(doc: Doc, prefix: str) -> dict[str, SpanGroup]:
    """The groups of spans that are clusters, in the order of their numbers."""
    numbers = (key.removeprefix(f"{prefix}_") for key in doc.spans if key.startswith(f"{prefix}_"))
    keys = (f"{prefix}_{number}" for number in sorted((n for n in numbers if n.isdecimal()), key=int))
    return {key: doc.spans[key] for key in keys}


def _language(doc: Doc) -> str:
    """That of the document, or of the model if the document's pipeline is of no language."""
    code: str = doc._.coref_language or _code(doc)
    return code


def _code(doc: Doc) -> str:
    """That of the document's pipeline; "" if it is of none, or of one that is called by no ISO 639 code."""
    return doc.lang_ if doc.lang_ != "xx" and is_code(doc.lang_) else ""


def _clusters(doc: Doc) -> list[list[Span]]:
    return [list(group) for group in _groups(doc, doc._.coref_prefix).values()]


def _resolved(doc: Doc) -> str:
    """`lehr.resolved.resolved_text`; a morphologizer or tagger in the pipeline says which pronouns are possessives."""
    document, tokens = words_of(doc)
    first, last = ({word[side]: n for n, word in enumerate(document.words)} for side in (0, 1))
    groups = (_characters(group) for group in _groups(doc, doc._.coref_prefix).values())
    known = document.with_clusters(
        [(first[a], last[b]) for a, b in group if a in first and b in last] for group in groups
    )

    def is_possessive(word: int) -> bool | None:
        morph = doc[tokens[word]].morph
        return "Yes" in morph.get("Poss", []) if morph else None

    return resolved_text(known, _language(doc), is_possessive)


def _read(text: str, source: str) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = json.loads(text)
        if not isinstance(saved["options"], dict) or not isinstance(saved["fingerprint"], str):
            raise TypeError
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{source} holds no component of lehr's, or a damaged one: save the pipeline again") from error
    return saved


Doc.set_extension("coref_prefix", default=PREFIX, force=True)
Doc.set_extension("coref_language", default="", force=True)
Doc.set_extension("coref_clusters", getter=_clusters, force=True)
Doc.set_extension("resolved_text", getter=_resolved, force=True)
Token.set_extension("coref", default=[], force=True)
