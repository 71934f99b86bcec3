"""The growing set of entities of a document of any length.

A document that is too long for one matrix is decided a block at a time. Beside the block's own candidates, its matrix
has members of the entities met before it, so that they inform each other and all of them have a say: a mention joins an
entity by the mean probability of its links to the members that are remembered. What was said is never changed: entities
of earlier blocks are neither merged nor split, as clusters that are given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from ..decoding import Floats, Ints, decode, link_logits, probability, select_candidates, string_ids, uncross, word_ids
from ..document import Mention
from ..kinds import kinds, roles
from .answer import Given, Options
from .blocks import Block
from .encoding import MAX_CANDIDATES, cells_of
from .model import Model

REMEMBERED = 250
"""Members of all earlier entities that a block sees; as many as the candidates of a block, of a quarter a word."""
OF_ONE = 8
"""Members of one entity that are remembered: half are the last ones, half the longest, names rather than pronouns."""
APART = 8
"""Words that remembered mentions seem apart at most, about as far as mentions stand in a text."""
FADE = 100
"""Words after which an entity of one mention is half as worth remembering."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """K spans that are compared, in the order of the text.

    `spans` int64 (K, 2), first and last word; `first` and `last` (K, hidden), the encoder's vectors there; `logits`
    (K,), those of mentions; `bound` (K,), whether it is a mention whatever its logit; `entity` and `place`, int64 (K,),
    the number of its entity and how many of that one's mentions stand before it, -1 if not known; `words`, K tuples.
    """

    spans: Ints
    first: Floats
    last: Floats
    logits: Floats
    bound: npt.NDArray[np.bool_]
    entity: Ints
    place: Ints
    words: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.spans)

    def take(self, positions: Iterable[int]) -> Candidates:
        chosen = [*positions]
        arrays = {name: getattr(self, name)[chosen] for name in _ARRAYS}
        return Candidates(**arrays, words=tuple(self.words[position] for position in chosen))

    def followed_by(self, others: Candidates) -> Candidates:
        arrays = {name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in _ARRAYS}
        return Candidates(**arrays, words=self.words + others.words)


_ARRAYS = [field.name for field in fields(Candidates) if field.name != "words"]


class Entities:
    """Decides blocks one after the other, and numbers the entities.

    Args:
        model: fills the matrices.
        options: how to answer.
        given: mentions that are not to be found; those of a given cluster join it from its first mention on.
        only_given: find none.

    Memory: the matrix of a block, the vectors of `REMEMBERED` mentions, and two numbers for each given cluster.
    """

    def __init__(self, model: Model, options: Options, given: Given, *, only_given: bool) -> None:
        self.model, self.options, self.given, self.only_given = model, options, given, only_given
        self._given_spans = np.array(sorted(given), np.int64).reshape(-1, 2)
        self._numbers: dict[int, int] = {}  # of the entities of given clusters
        self._next = 0
        self._size: dict[int, int] = {}
        self._waiting: dict[int, Mention] = {}  # mentions that are reported if ever another one joins them
        self._remembered: Candidates | None = None

    def decide(self, block: Block) -> list[tuple[int, Mention]]:
        """The mentions that begin in the next block, each with the number of its entity, in the order of the text.

        Earlier ones are among them if they did not stand alone after all. An entity's `antecedent` counts all that
        were reported of it, from 0 on.

        Raises:
            ValueError: if so many mentions are given that there are more than `MAX_CANDIDATES`.
        """
        new, scores, alone = self._candidates(block)
        known = 0 if self._remembered is None else len(self._remembered)
        members = new if self._remembered is None else self._remembered.followed_by(new)
        language = self.options.config.language
        own = kinds(members.words, language)
        pairs = self._pair_logits(members, known, block.words.start, own)
        thresholds = self.options.thresholds
        is_mention = members.bound | (members.entity >= 0)
        if not self.only_given:
            is_mention |= probability(members.logits) >= thresholds["mention_threshold"]
        chosen = np.flatnonzero(is_mention)
        groups = decode(
            self.options.config.scorer,
            members.logits[chosen],
            pairs[np.ix_(chosen, chosen)],
            given=members.entity[chosen],
            roles=roles(own[chosen], language),
            **thresholds | {"mention_threshold": 0.0},
        )
        kept = list(range(known))
        decided: list[tuple[int, Mention]] = []
        for group in groups:
            positions = chosen[group]
            bound = members.bound[positions] | (positions < known)
            positions = positions[uncross(members.spans[positions], members.logits[positions], bound)]
            if positions[-1] < known:
                continue
            number = int(members.entity[positions].max())
            number = self._new_number() if number < 0 else number
            members.entity[positions] = number
            logits = link_logits(
                self.options.config.scorer, members.logits[positions], pairs[np.ix_(positions, positions)]
            )
            links = probability(logits)
            for row, position in enumerate(positions.tolist()):
                if position < known:
                    continue
                members.place[position] = self._size.get(number, 0)
                self._size[number] = int(members.place[position]) + 1
                best = int(links[row, :row].argmax()) if row else None
                mention = replace(
                    self._mention(block, members.spans[position]),
                    score=scores[position - known],
                    antecedent=None if best is None else int(members.place[positions[best]]),
                    link=None if best is None else float(links[row, best]),
                )
                decided += self._report(number, mention, alone=alone[position - known])
                kept.append(position)
        self._remember(members.take(sorted(kept)), block.words.start + block.n)
        return sorted(decided, key=lambda item: item[1].span)

    def _candidates(self, block: Block) -> tuple[Candidates, list[float | None], list[bool]]:
        """The spans of a block that are worth comparing, the probabilities that they are mentions, and whether they may
        stand alone."""
        config, start, width = self.model.config, block.words.start, self.model.config.max_width
        seen = slice(block.n + width - 1)
        logits = self.model.mention_logits(block.first[seen], block.last[seen])[:, : block.n]
        reach = block.words.last[: block.n] - start
        begin, end = np.searchsorted(self._given_spans[:, 0], [start, start + block.n])
        given = self._given_spans[begin:end] - start
        found = select_candidates(logits, reach, config.candidate_ratio, config.candidate_floor)
        spans = np.unique(np.concatenate([found, given]), axis=0)
        cells, has_cell = cells_of(logits, reach, spans)
        best = self.options.logits(cells)
        places = [self.given.get((first + start, last + start)) for first, last in spans.tolist()]
        bound = np.array([place is not None for place in places], bool)
        alone = self.options.singles(cells)
        new = Candidates(
            spans + start,
            block.first[spans[:, 0]],
            block.last[spans[:, 1]],
            best,
            bound,
            np.array([-1 if place is None else self._number_of(place[1]) for place in places], np.int64),
            np.full(len(spans), -1),
            tuple(tuple(block.words.tokens[first : last + 1]) for first, last in spans.tolist()),
        )
        scores = [score if cell else None for score, cell in zip(probability(best).tolist(), has_cell, strict=True)]
        kept = self.options.singletons is not False
        return new, scores, [kept if is_given else may for is_given, may in zip(bound, alone, strict=True)]

    def _pair_logits(self, members: Candidates, known: int, start: int, kinds: Ints) -> Floats:
        """The matrix of a block that begins at the word `start`, and of the `known` members before it.

        These seem nearer than they are: distances are to be such as the model has learned them from.
        """
        if len(members) > MAX_CANDIDATES:
            raise ValueError(
                f"around word {start} there are {len(members):,} mentions to compare, given ones among them, and no "
                f"more than {MAX_CANDIDATES:,} can be compared at once: give fewer"
            )
        if not len(members):
            return np.zeros((0, 0), np.float32)
        spans = members.spans.copy()
        apart = np.minimum(start - spans[:known, 0], APART * np.arange(known, 0, -1))
        spans[:known] += (start - apart - spans[:known, 0])[:, None]
        ends = np.cumsum([len(words) for words in members.words])
        places = np.stack([np.append(0, ends[:-1]), ends - 1], 1)
        words = word_ids([word for words in members.words for word in words])
        return self.model.pair_logits(
            members.first, members.last, spans, words[places], string_ids(words, places), kinds
        )

    def _mention(self, block: Block, span: Ints) -> Mention:
        first, last = span.tolist()
        known = self.given.get((first, last))
        return known[0] if known else block.words.mention(first, last)

    def _report(self, number: int, mention: Mention, *, alone: bool) -> list[tuple[int, Mention]]:
        """What is said once a mention has joined an entity: nothing yet, or it, or also the one that waited for it."""
        if self._size[number] == 1 and not alone:
            self._waiting[number] = mention
            return []
        waited = self._waiting.pop(number, None)
        return [(number, mention)] if waited is None else [(number, waited), (number, mention)]

    def _remember(self, members: Candidates, now: int) -> None:
        """Keep what is most worth it: a few mentions of each entity that has many, or had one not long ago."""
        entities: defaultdict[int, list[int]] = defaultdict(list)
        for position, number in enumerate(members.entity.tolist()):
            entities[number].append(position)
        last = {number: int(members.spans[positions[-1], 0]) for number, positions in entities.items()}
        order = sorted(entities, key=lambda number: self._size[number] / (now - last[number] + FADE), reverse=True)
        kept: list[int] = []
        for number in order:
            kept += _telling(entities[number], members.words)
            if len(kept) >= REMEMBERED:
                break
        self._remembered = members.take(sorted(kept[:REMEMBERED]))
        alive = {*self._remembered.entity.tolist(), *self._numbers.values()}
        self._size = {number: size for number, size in self._size.items() if number in alive}
        self._waiting = {number: mention for number, mention in self._waiting.items() if number in alive}

    def _number_of(self, cluster: int) -> int:
        """The number of a given cluster's entity, -1 for none."""
        if cluster >= 0 and cluster not in self._numbers:
            self._numbers[cluster] = self._new_number()
        return self._numbers.get(cluster, -1)

    def _new_number(self) -> int:
        self._next += 1
        return self._next - 1


def _telling(positions: list[int], words: tuple[tuple[str, ...], ...]) -> list[int]:
    """Up to `OF_ONE` of an entity's mentions, the most telling first: the last ones and, of the others, the longest."""
    latest = positions[::-1]
    recent, others = latest[: OF_ONE // 2], latest[OF_ONE // 2 :]
    others.sort(key=lambda position: sum(map(len, words[position])), reverse=True)
    return recent + others[: OF_ONE - len(recent)]
