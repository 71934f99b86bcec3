"""A model's files: what they must hold, and what is computed with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from ..decoding import Floats, Ints
from ..kinds import shift_by_kind
from ..windows import Windower
from .config import EXPORT_AGAIN, Config

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]

MAX_THREADS = 1024
"""The runtime begins them all at once, however many CPUs there are."""

_IDS, _VALUES = "tensor(int64)", "tensor(float)"
_GRAPHS = {
    "encoder": ({"input_ids": _IDS}, "hidden"),
    "mentions": ({"first": _VALUES, "last": _VALUES}, "logits"),
    "pairs": ({"first": _VALUES, "last": _VALUES, "spans": _IDS, "words": _IDS, "strings": _IDS}, "logits"),
}
"""The inputs of each graph and their types, and its output."""


class Model:
    """The encoder and the two heads, each an ONNX graph; safe to be used from several threads at once.

    Raises:
        ValueError: if a file is damaged, or they do not belong to lehr or to each other.
    """

    def __init__(self, directory: Path, threads: int | None = None) -> None:
        if threads is not None and not isinstance(threads, Integral):
            raise TypeError(f"threads is {threads!r}; it must be a whole number")
        if threads is not None and not 1 <= threads <= MAX_THREADS:
            raise ValueError(
                f"{threads} threads cannot compute: give 1 to {MAX_THREADS:,}, or none to let the runtime decide"
            )
        self.directory, self.threads = directory, threads
        self.config = Config.read(directory / "config.json")
        tokenizer = _tokenizer(directory / "tokenizer.json")
        try:
            self.windower = Windower(tokenizer, self.config.window, self.config.overlap, self.config.pad_token_id)
        except Exception as error:  # the tokenizer's own are of no narrower kind
            raise ValueError(f"the tokenizer.json and config.json in {directory} do not suit: {error}") from error
        self._sessions = {name: _session(directory / f"{name}.onnx", threads) for name in _GRAPHS}
        self._probe(tokenizer.get_vocab_size())

    def vectors(self, words: Sequence[str]) -> tuple[Floats, Floats]:
        """The encoder's vectors (n, hidden) of the first and of the last piece of each word; there must be one."""
        first, last = zip(*self.stream([words]), strict=True)
        return np.concatenate(first), np.concatenate(last)

    def stream(self, parts: Iterable[Sequence[str]]) -> Iterator[tuple[Floats, Floats]]:
        """The same of words that come in parts, window by window, each as soon as its words are there.

        Windows are encoded one at a time and without padding. On a CPU a batch is no faster; it takes more memory; and
        it would let its windows influence each other, as 8-bit activations are scaled by the largest of them all.
        """
        for window in self.windower.stream(parts):
            ids = window.input_ids[None]
            hidden = self._run("encoder", input_ids=ids)[0]
            yield hidden[window.first], hidden[window.last]

    def mention_logits(self, first: Floats, last: Floats) -> Floats:
        """Logits (schemes, n, W) of the cells of the span position matrix."""
        return self._run("mentions", first=first, last=last)

    def pair_logits(self, first: Floats, last: Floats, spans: Ints, words: Ints, strings: Ints, kinds: Ints) -> Floats:
        """Calibrated logits (K, K) of the pairs of K candidates: the rows of the matrix of each, at the cells of all.

        Args:
            first: (K, hidden), vectors of the first piece of each candidate's first word.
            last: (K, hidden), vectors of the last piece of each candidate's last word.
            spans: int64 (K, 2), first and last word.
            words: int64 (K, 2), `decoding.word_ids` of these.
            strings: int64 (K,), `decoding.string_ids`.
            kinds: int64 (K,), see `lehr.kinds`.
        """
        logits = self._run("pairs", first=first, last=last, spans=spans, words=words, strings=strings)
        logits *= self.config.link_scale
        logits += self.config.link_shift
        if self.config.kind_shift:
            shift_by_kind(logits, kinds, self.config.kind_shift)
        return logits

    def _run(self, name: str, **inputs: Floats | Ints) -> Floats:
        try:
            (output,) = self._sessions[name].run(None, inputs)
        except Exception as error:  # the runtime's own are of no narrower kind
            shapes = ", ".join(f"{key} {value.shape}" for key, value in inputs.items())
            raise ValueError(
                f"{self.directory / name}.onnx cannot be run on {shapes}, so that it does not belong to the other "
                f"files there: {EXPORT_AGAIN} ({_first_line(error)})"
            ) from error
        if not np.isfinite(output).all():
            raise ValueError(f"{self.directory / name}.onnx gives values that are no numbers: {EXPORT_AGAIN}")
        result: Floats = output
        return result

    def _probe(self, vocabulary: int) -> None:
        """Run all graphs once, on the last word of the vocabulary, to see that they belong together."""
        ids = np.array([[0, vocabulary - 1]])
        hidden = self._run("encoder", input_ids=ids)[0]
        expected = (len(self.config.schemes), 2, self.config.max_width)
        if (found := self.mention_logits(hidden, hidden).shape) != expected:
            raise ValueError(
                f"{self.directory / 'mentions.onnx'} gives logits of shape {found}, where config.json there makes one "
                f"expect {expected}: {EXPORT_AGAIN}"
            )
        spans = np.array([[0, 0], [1, 1]])
        self.pair_logits(hidden, hidden, spans, spans, spans[:, 0], spans[:, 0] * 0)


def _tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library's own are of no narrower kind
        raise ValueError(f"{path} is no tokenizer, or damaged ({_first_line(error)}): {EXPORT_AGAIN}") from error


def _session(path: Path, threads: int | None) -> InferenceSession:
    """A graph ready to run, once its inputs and outputs are seen to be those expected.

    Memory goes back after each run instead of to an arena, which would keep the peak of the longest document for good.
    Its fallback to other devices is off, as that tells damaged files on standard output. Sums and layer normalisations
    are not made one operator, which is the slower of the two on a CPU. Threads stop spinning when the graph is done, as
    they would keep those of the next graph from the cores.
    """
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        session = InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,
            disabled_optimizers=["SkipLayerNormFusion"],
        )
    except Exception as error:  # the runtime's own are of no narrower kind
        raise ValueError(f"{path} is no ONNX graph, or damaged ({_first_line(error)}): {EXPORT_AGAIN}") from error
    inputs, output = _GRAPHS[path.stem]
    found = {node.name: node.type for node in session.get_inputs()}
    outputs = [node.name for node in session.get_outputs()]
    if found != inputs or outputs != [output]:
        raise ValueError(
            f"{path} is another graph than lehr's: it makes {', '.join(outputs)} of {_listed(found)} "
            f"instead of {output} of {_listed(inputs)}: {EXPORT_AGAIN}"
        )
    return session


def _listed(inputs: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {type}" for name, type in inputs.items())


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
