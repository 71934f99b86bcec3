"""A small made-up corpus that is not English, as CoNLL-U has it: stories of three sentences with multiword tokens."""

from __future__ import annotations

from itertools import product
from pathlib import Path

PEOPLE = [("Anna", "Sie"), ("Jörg", "Er"), ("Käthe", "Sie"), ("Moritz", "Er")]
ANIMALS = [("einen Hund", "ihn", "dem Hund"), ("eine Katze", "sie", "der Katze"), ("ein Füllen", "es", "dem Füllen")]
PLACE = [("im", "in", "dem", "Garten"), ("zum", "zu", "dem", "Großvater"), ("am", "an", "dem", "Fluß")]


def story(number: int) -> str:
    """One document: somebody, an animal of theirs, and, in every second story, a place that is mentioned once."""
    (name, subject), (accusative, object, dative) = list(product(PEOPLE, ANIMALS))[number % 12]
    surface, preposition, article, noun = PLACE[number % 3]
    place = ("(e3-place-2-", "e3)") if number % 2 else ("", "")
    somebody, it = "(e1-person-1-)", "(e2-animal-1-)"
    first, second = accusative.split()
    the, animal = dative.split()
    sentences = [
        [(name, somebody), "hat", (first, "(e2-animal-2-"), (second, "e2)"), "."],
        [(subject, somebody), "mag", (object, it), "sehr", "."],
        [
            *[(name, somebody), "geht", "mit", (the, "(e2-animal-2-"), (animal, "e2)")],
            *[surface, preposition, (article, place[0]), (noun, place[1]), "."],
        ],
    ]
    lines = [f"# newdoc id = geschichte-{number}", "# global.Entity = eid-etype-head-other"]
    for position, sentence in enumerate(sentences, 1):
        lines += [f"# sent_id = geschichte-{number}-{position}", *_rows(sentence, surface), ""]
    return "\n".join([*lines, ""])


def _rows(sentence: list[str | tuple[str, str]], surface: str) -> list[str]:
    """Ten columns a word; what is written as one `surface` stands before its two words."""
    rows, number = [], 0
    for place, word in enumerate(sentence):
        form, brackets = word if isinstance(word, tuple) else (word, "")
        if form == surface:
            rows.append("\t".join([f"{number + 1}-{number + 2}", form, *"________"]))
            continue
        number += 1
        misc = [f"Entity={brackets}"] * bool(brackets) + ["SpaceAfter=No"] * (sentence[place + 1 :] == ["."])
        rows.append("\t".join([str(number), form, *"_______", "|".join(misc) or "_"]))
    return rows


def save(folder: Path) -> None:
    """Twelve stories: eight to train on, two to choose by, two to test on."""
    for number in range(12):
        part = folder / ("train" if number < 8 else "dev" if number < 10 else "test")
        part.mkdir(parents=True, exist_ok=True)
        (part / f"geschichte-{number}.conllu").write_text(story(number), encoding="utf-8")
