from __future__ import annotations

import pytest
from bracketed_text import bracketed
from hypothesis import given
from hypothesis import strategies as st

from lehr.document import Document
from lehr.resolved import resolved_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("[1 Tom] lost [1 his] hat.", "Tom lost Tom's hat."),
        ("[1 Tom]  came.\n\t[1 He]\n sat. ", "Tom  came.\n\tTom\n sat. "),
        ("[1 The old man] came. [1 He] saw it: [1 his]!", "The old man came. The old man saw it: the old man's!"),
        ("[1 Ann] sat. He kissed [1 her] tenderly, made [1 her] go.", "Ann sat. He kissed Ann tenderly, made Ann go."),
        ("[1 Ann] sat. [2 [1 Her] deeply loved son] ran.", "Ann sat. Ann's deeply loved son ran."),
        ("[1 The dog] ate. He loved [1 IT]; [1 it] slept.", "The dog ate. He loved the dog; the dog slept."),
        ("[1 A man] came. [1 He] sat; [1 he] rose.", "A man came. The man sat; the man rose."),
        (
            "[1 James] and [2 the boys] lost [1 his] and [2 their] hats.",
            "James and the boys lost James's and the boys' hats.",
        ),
        (
            "[2 [1 The Millers] 's house] is old. [1 They] like [1 their] house.",
            "The Millers 's house is old. The Millers like the Millers' house.",
        ),
        ("[1 The boss] lost [1 his] hat.", "The boss lost the boss's hat."),
        ("[2 John] and [3 Mary] left. [1 Both of [1 them]] ran.", "John and Mary left. Both of them ran."),
        ("[1 Tom] met [1 his own] dog.", "Tom met his own dog."),
        ("“[1 Tom’s] hat is [1 his],” they said.", "“Tom’s hat is Tom’s,” they said."),
        ("[1 Mary] saw [1 her] hat; Tom saw [1 her].", "Mary saw Mary's hat; Tom saw Mary."),
        ("[1 Mary] left. He saw [1 her] again, and [1 her] there.", "Mary left. He saw Mary again, and Mary there."),
        ("[1 Mary] saw [2 [1 her] again]. Ann.", "Mary saw Mary's again. Ann."),
        ("[1 Mary] came. He told [1 her]\n\nTom left.", "Mary came. He told Mary\n\nTom left."),
        ("[1 James] saw [2 [1 his] sister]. [2 She] ran.", "James saw James's sister. James's sister ran."),
        ("[2 [1 His] sister] ran. [2 She] saw [1 James].", "James's sister ran. James's sister saw James."),
        (
            "[1 The boys] left. [1 They]'re late, [1 they]'ve hats.",
            "The boys left. The boys are late, the boys have hats.",
        ),
        ("[1 Tom] said [1 he]'d go and [1 he]'s late.", "Tom said Tom'd go and Tom's late."),
        ("[1 Tom] hurt [1 himself], and [1 who] cares?", "Tom hurt himself, and who cares?"),
        (
            "[1 Tom Sawyer] left. Then [1 Tom] ran; [1 the boy] sat.",
            "Tom Sawyer left. Then Tom Sawyer ran; Tom Sawyer sat.",
        ),
        ("[1 Tom], [1 the boy], saw a dog. [1 A boy] sat.", "Tom, the boy, saw a dog. A boy sat."),
        ("Then [1 the Dodger] ran. But [1 Dodger] sat. [1 Dodger]!", "Then the Dodger ran. But Dodger sat. Dodger!"),
        (
            "[2 [1 Tom]'s mother] left. [1 Tom] saw [2 his mother's] hat.",
            "Tom's mother left. Tom saw his mother's hat.",
        ),
        ("[1 He] left [1 his] hat.", "He left his hat."),
        ("[1 Ann] came. He gave [1 her] [1 her] hat.", "Ann came. He gave Ann Ann's hat."),
        (
            "[1 Ann] came. He loved [1 her] very much, and [1 her] very eyes.",
            "Ann came. He loved Ann very much, and Ann's very eyes.",
        ),
        (
            "[1 ANN] came. [1 HER] HAT. [1 Her] hat. [2 Bob] sat. [2 HIS] HAT.",
            "ANN came. ANN'S HAT. ANN's hat. Bob sat. Bob's HAT.",
        ),
        (
            "[1 I]\n\n[1 Ann] sat. [1 I] sat, as did [1 I].\n\nACT [1 I]\n\nBook [1 I].",
            "I\n\nAnn sat. Ann sat, as did Ann.\n\nACT I\n\nBook I.",
        ),
        (
            "[1 Ann] sat. In Act [1 I] she sat. So [1 I] left. Yes, [1 I] did. “[1 I]?”",
            "Ann sat. In Act I she sat. So Ann left. Yes, Ann did. “I?”",
        ),
        ("He left. [1 My Tom] sat. [1 He] saw [1 Tom].", "He left. My Tom sat. Tom saw Tom."),
        ("[1 Ann] came. On Monday [1 I] left. In Rome [1 I] sat.", "Ann came. On Monday Ann left. In Rome Ann sat."),
        ("[1 Tom] said: [1 He] left. So did [1 I]. [1 I] ran.", "Tom said: Tom left. So did Tom. Tom ran."),
        ("[1 the men] sat. [1 I] ran and [1 I] sat.", "the men sat. The men ran and the men sat."),
        ("[1 Several boys] ate [1 their] soup.", "Several boys ate their soup."),
        ("[1 No boy] thinks [1 he] is lazy. [2 No one] ate.", "No boy thinks he is lazy. No one ate."),
        ("[1 Neither Frenchman] lost [1 his] hat.", "Neither Frenchman lost his hat."),
        ("[1 Some of the boys] left as [1 they] were.", "Some of the boys left as they were."),
        ("In [1 Half Moon Bay] we like [1 it].", "In Half Moon Bay we like Half Moon Bay."),
        (
            "[1 Our house] is old. Not [1 theirs], said [2 Tom]; and [1 Ours] isn't [2 his].",
            "Our house is old. Not theirs, said Tom; and Ours isn't Tom's.",
        ),
        ("[1 Mary] left [1 hers].", "Mary left Mary's."),
        ("[1 eBay] grew. [1 Its] shares rose. [1 It] won.", "eBay grew. eBay's shares rose. eBay won."),
        ("[1 The Beatles] split. A [1 Beatles] album won.", "The Beatles split. A Beatles album won."),
        ("We like [1 The Hague]. [1 It] is old.", "We like The Hague. The Hague is old."),
        ("[1 Victoria] ruled. [1 Her] Majesty sat. [1 She] ate.", "Victoria ruled. Her Majesty sat. Victoria ate."),
        ("[1 Tom Bell], [1 he] ran. [1 He], [1 Tom Bell], sat.", "Tom Bell, he ran. He, Tom Bell, sat."),
        ("When Ann saw [1 Tom], [1 he] ran; [1 Tom]: [1 he] sat.", "When Ann saw Tom, Tom ran; Tom: Tom sat."),
        ("“[1 Tom]!” [1 he] cried. Ann saw [1 him] and [1 Tom] ran.", "“Tom!” Tom cried. Ann saw Tom and Tom ran."),
        (
            "[1 The dog] ate. [1 It] isn't [1 the dog]. [1 It] had been [1 my dog].",
            "The dog ate. It isn't the dog. It had been my dog.",
        ),
        (
            "[1 Ben] ate. [1 He] (or [1 she]) fell. [1 He], or [1 she], ran.",
            "Ben ate. He (or she) fell. He, or she, ran.",
        ),
        (
            "[1 Tom Bell] sat. [1 Tom Bell] ate. He said that [1 Tom] ran. “No,” said [1 the boy].",
            "Tom Bell sat. Tom Bell ate. He said that Tom Bell ran. “No,” said Tom Bell.",
        ),
        ("[1 Adm. Nelson] sat. [1 He] ran.", "Adm. Nelson sat. Adm. Nelson ran."),
        (
            "[1 Victoria] sat. [1 Her] Royal Highness ran. [1 HER] MAJESTY ate.",
            "Victoria sat. Her Royal Highness ran. HER MAJESTY ate.",
        ),
        (
            "He feared [1 al-Qaeda]. [1 It] won. [2 d’Artagnan] ate. [2 He] sat.",
            "He feared al-Qaeda. Al-Qaeda won. d’Artagnan ate. D’Artagnan sat.",
        ),
        (
            "[1 Ann] sat. He met [1 her] every need, in [1 her] early to mid thirties, and [1 her] much loved son.",
            "Ann sat. He met Ann's every need, in Ann's early to mid thirties, and Ann's much loved son.",
        ),
        ("[1 The boat] sank. [1 It] was [1 his boat].", "The boat sank. It was his boat."),
        ("[1 Ben] ate. [1 He]/[1 she] left. [1 He] or [1 she] sat.", "Ben ate. He/she left. He or she sat."),
        ("[1 Ben] ate. [1 S/he] left. Then s/[1 he] sat. [1 He] ran.", "Ben ate. S/he left. Then s/he sat. Ben ran."),
        ("[1 Ben] ate. [1 He] and [1 his] dog sat.", "Ben ate. Ben and Ben's dog sat."),
        (
            "[1 Ann] sat. He saw [1 her] twice, and [1 her] later; read [1 her] later works, liked [1 her] much.",
            "Ann sat. He saw Ann twice, and Ann later; read Ann's later works, liked Ann much.",
        ),
        ("[1 Ann was tired. Tom] sat. [1 He] ran.", "Ann was tired. Tom sat. He ran."),
        ("[1 Mary] ate. I told [1 her] nothing.", "Mary ate. I told Mary nothing."),
        ("[1 The boy] ate [1 thy] soup.", "The boy ate the boy's soup."),
        (
            "[1 Tom Bell Jr.] came. I like [1 him]. Tom likes [1 his].",
            "Tom Bell Jr. came. I like Tom Bell Jr. Tom likes Tom Bell Jr.'s.",
        ),
        ("We left [1 the U.S.] as we saw [1 it].", "We left the U.S. as we saw the U.S."),
        ("[1 Tom] said: Gim[1 me] [1 my] hat.", "Tom said: Gimme Tom's hat."),
        ("[1 The CoM] is low. See the [1 CoM] line.", "The CoM is low. See the CoM line."),
        ("[1 A Frenchman] left. [1 He] ran.", "A Frenchman left. The Frenchman ran."),
        ("[1 Young men] ate [1 their] soup.", "Young men ate Young men's soup."),
        ("[1 Nobody] came. [1 They] had left.", "Nobody came. They had left."),
        (
            "[1 President Obama] left. [1 The president] ate [1 his] soup.",
            "President Obama left. President Obama ate President Obama's soup.",
        ),
        (
            "[1 Her Majesty] ate. He saw [1 her] and said, “[1 I] ate.”",
            "Her Majesty ate. He saw Her Majesty and said, “Her Majesty ate.”",
        ),
        ("[1 Uncle Tom] ate [1 his] soup.", "Uncle Tom ate Uncle Tom's soup."),
        ("", ""),
    ],
)
def test_mentions_say_whom_they_mean(source: str, text: str) -> None:
    assert resolved_text(bracketed(source), "en") == text


def test_a_tagger_has_the_first_word() -> None:
    document = bracketed("[1 Mary] came. He gave [1 her] money and saw [1 her] there.")
    assert resolved_text(document, "en") == "Mary came. He gave Mary's money and saw Mary there."
    assert (
        resolved_text(document, "en", lambda word: word != 5) == "Mary came. He gave Mary money and saw Mary's there."
    )


def test_a_text_in_an_unknown_language_stays_as_it_is() -> None:
    document = bracketed("[1 Tom] sah [1 ihn].")
    assert resolved_text(document, "xx") == document.text


def test_time_does_not_grow_with_the_square_of_the_mentions() -> None:
    """20,000 mentions of one entity, which would take minutes if it did."""
    document = Document.from_sentences([["the", "man", "saw", "her", "."]] * 10_000)
    n = len(document.words)
    document = document.with_clusters([[(i, i + 1) for i in range(0, n, 5)], [(i, i) for i in range(3, n, 5)]])
    assert resolved_text(document, "en") == document.text


def test_time_does_not_grow_with_what_lies_between_mentions() -> None:
    """2,000 entities from one end of the text to the other: 200 million words lie between, which are not looked at."""
    k, n = 2000, 100_000
    words = [*["Tom"] * k, *["sat"] * (n - 2 * k), *["he"] * k]
    document = Document.from_sentences([words], clusters=[[(i, i), (n - 1 - i, n - 1 - i)] for i in range(k)])
    assert resolved_text(document, "en") == document.text.replace("he", "Tom")


WORDS = ["Tom", "I", "He", "he", "his", "Her", "her", "’s", "'s", "'", "the", "The", "boy", ",", ".", "“", "’m", "'re"]


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9), max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 2)), max_size=20),
)
def test_words_outside_of_all_mentions_stay(sentences: list[list[str]], mentions: list[tuple[int, int, int]]) -> None:
    n = sum(map(len, sentences))
    clusters = [sorted({(a, a + w) for c, a, w in mentions if c == k and a + w < n}) for k in range(4)]
    document = Document.from_sentences(sentences, clusters=[c for c in clusters if c])
    text = resolved_text(document, "en")
    inside = {i for c in document.spans for a, b in c for i in range(a, b + 2)}  # and the clitic after it
    rest = iter(text)
    for i, token in enumerate(document.tokens):
        if i not in inside:
            assert all(character in rest for character in token)
    if not inside:
        assert text == document.text
