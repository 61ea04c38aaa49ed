# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What holds for every text, however it is cut and whatever is in it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from squeezed import squeeze

from gradium_tts_python.core.replacements import replacements_of
from gradium_tts_python.core.spoken_form import TextOptions
from gradium_tts_python.core.text import (
    MAX_MESSAGE_CHARS,
    TextAssembler,
    cut_before,
    is_speakable,
    without_tags,
    word_spans,
)

VENDOR_TAG = re.compile(r'<flush>|<break time="\d(?:\.\d+)?s" />')

PIECES = [
    "Hello", "a", "fox", "U.", "3", "14", "$50", "000", "é", "e\u0301", "l'",
    " ", " ", " ", "\n", "\t", "\u00a0", ",", ".", "?", "!", ":", ";", "...",
    "-", "—", "(", ")", '"', "'", "“", "”", "«", "»", "你", "好", "。", "，",
    "」", "「", "สวัส", "नमस्ते", "😀", "\u200d", "\ufe0f", "1\ufe0f\u20e3",
    "\u200b", "\ud83d", "\x00", "*", "**", "_", "`", "```", "#", "- ", "[",
    "](", "http://", "www.", "@", "/", "%", "€", "<", ">", "<flush>", "<b>",
    "<break time=", '"1.5s"', "/>", "flush", "break",
    "<think>", "</think>", "<thi", "nk", "[THINK]", "~~~", "py", "|", "|---|",
    "https://a.bc/d", "www.x.org", "\n```\n",
]  # fmt: skip
PLAIN_PIECES = [p for p in PIECES if not set(p) & set("<>\u200b\u200d\ud83d\0")]

fragments = st.lists(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join), max_size=12
) | st.lists(st.text(max_size=20), max_size=8)
plain_texts = st.lists(st.sampled_from(PLAIN_PIECES), max_size=30).map("".join)
# Words that a silence cannot break. Not among them: those whose first part
# looks like the end of a sentence, `example.com` and `key:value`.
WHOLE_WORDS = [
    "Hello", "fox,", "it's", "well-known", "here.", "really?", "yes!", "now;",
    "$1,234.50", "€1.234,56", "3.14,", "50%", "1,000,000.", "12", "10 000 €",
    "10:30", "3:59.4", "12:00,", "2024-03-15,", "15.03.2024", "3/4", "½",
    "https://example.com/a,b.html?x=1&y=2,3#top", "http://x.org:8080/",
    "www.example.co.uk,", "mailto:jane@example.com?subject=Hi,there.",
    "jane@example.com", "j.doe+test@mail.example.co.uk.", "192.168.0.1,",
    "2.0.1", "v1.2.3", "v1.2.tar.gz,", "3.10.13.", "C:\\a\\b.txt",
    "/usr/local/bin/python3.10", "U.S.A.", "J.R.R.", "e.g.", "p.m.,", "z.B.",
    "Dr. Smith", "Mr. X", "I,", "A,B,C", "f(x,y)", "1. First", "2) two",
    "Ça va ? Oui", "« Oui » dit", "1\u00a0234,56\u00a0€,", "« 5 € » fin",
    "你好", "我有3个苹果", "１，０００元", "时间是10：30", "서울에서", "สวัสดี",
    "مرحبا،", "٣٫٥٠", "كيف؟", "می\u200cخواهم", "नमस्ते", "ठीक", "e\u0301te\u0301",
    "😀 so", "👍🏽 ok", "👨\u200d👩\u200d👧 we", "1️⃣ one", "❤\ufe0f me",
    "**bold**", "*it* is", "`code` is", "snake_case_name", "__init__", "# Head",
    "a < b", "x<5", "->", "<- and ->", "Vec<int>::x",  "I <3 you", "<b>c</b>",
    "[1]", "[docs](https://a.b/c_d)", '"quoted" so', "(so)", "“so” he",
]  # fmt: skip
# No replacement joins marks that the vendor could take for a tag of its own.
REPLACED = replacements_of(
    {
        "fox": '<break time="9s"> <b>wolf',
        "a fox": "a <flush",
        "Hello a": "",
        "€": "euro",
        "3.14": "pi",
    }
)
# What is not said, or otherwise.
UNWRITTEN = [
    "<think>a. b!\n```</think>", "<Reasoning x='y'>so</reasoning>", "</think>",
    "[THINK]<think>[/THINK]", "\n```py\nx = 1\n```\n", "\n~~~\n|a\n```\n~~~\n",
    "```so``` it", "`<think>`", "\n| a | b |\n|---|:--|\n| c, | 1.5 |\n",
    "https://www.a.bc/d?e,f.", "(http://x.org/y)", "[a b](http://c.d)", "New",
    "New York,", "New Yorker", "SQL's", "SQL", "Um,", "C++.", "😀,",
]  # fmt: skip
SAID_OTHERWISE = replacements_of(
    [
        {"from": "New York", "to": "the Big Apple"},
        {"from": "New York SQL so", "to": "x"},
        {"from": "SQL", "to": "se-quel 2"},
        {"from": "C++", "to": "see plus plus"},
        {"from": "um", "to": "", "ignore_case": True},
    ]
)
unwritten_texts = st.lists(
    st.sampled_from(UNWRITTEN) | st.sampled_from(WHOLE_WORDS), max_size=8
).map(" ".join)
whole_texts = st.lists(st.sampled_from(WHOLE_WORDS), max_size=8).map(" ".join)
options = st.fixed_dictionaries(
    {
        "allow_tags": st.booleans(),
        "clean_thoughts": st.booleans(),
        "clean_code": st.booleans(),
        "clean_markdown": st.booleans(),
        "clean_tables": st.booleans(),
        "clean_urls": st.booleans(),
        "clean_emoji": st.booleans(),
        "replacements": st.sampled_from([(), REPLACED]),
    }
)
quick = settings(max_examples=40, deadline=None)
pauses = settings(max_examples=100, deadline=None, derandomize=True)


def cut(text: str, ends: list[int]) -> list[str]:
    at = [0, *sorted(end % (len(text) + 1) for end in ends), len(text)]
    return [text[a:b] for a, b in zip(at, at[1:], strict=False)]


def heard(messages: list[str]) -> list[str]:
    """The words on the wire, without marks at the end that are not heard.

    What follows the punctuation of scripts without spaces is joined: a new
    message may begin there or not.
    """
    wire = re.sub("(?<=[，：]) ", "", " ".join(messages))
    words = wire.split()
    while words and not is_speakable(words[-1]):
        words.pop()
    return words


def said(messages: list[str]) -> list[str]:
    """The words on the wire, without the marks around them."""
    wire = re.sub("(?<=[，：]) ", "", " ".join(messages))
    words = (re.sub(r"^\W+|\W+$", "", word) for word in wire.split())
    return [word for word in words if word]


def speak(assembler: TextAssembler, fragments: list[str]) -> list[str]:
    messages = [m for part in fragments for m in assembler.push(part)]
    return messages + assembler.flush()


@quick
@given(fragments, options, st.sets(st.integers(0, 12)))
def test_every_message_is_fit_for_the_wire(
    fragments: list[str], options: dict[str, bool], flush_after: set[int]
) -> None:
    assembler = TextAssembler(TextOptions(**options))
    messages = []
    for index, fragment in enumerate(fragments):
        messages += assembler.push(fragment)
        if index in flush_after:
            messages += assembler.flush()
            assert not assembler.is_holding
    messages += assembler.flush()

    for message in messages:
        json.dumps(message, ensure_ascii=False).encode()
        assert message == message.strip() != ""
        assert message.isprintable() or not re.search(
            r"[\x00-\x1f\x7f-\x9f]", message
        )
        assert len(message) <= MAX_MESSAGE_CHARS
        assert is_speakable(message) or VENDOR_TAG.search(message)
    if messages:
        assert is_speakable(messages[0])


@quick
@given(fragments, options)
def test_no_tag_reaches_the_vendor_unless_it_is_allowed_and_legal(
    fragments: list[str], options: dict[str, bool]
) -> None:
    wire = " ".join(speak(TextAssembler(TextOptions(**options)), fragments))

    tags = re.findall(r"<[A-Za-z/!?][^<>]*>?", wire)

    if options["allow_tags"]:
        assert all(VENDOR_TAG.fullmatch(tag) for tag in tags)
        assert all(
            wire[m.start() - 1 : m.start()] in ("", " ")
            and wire[m.end() : m.end() + 1] in ("", " ")
            for m in VENDOR_TAG.finditer(wire)
        )
    else:
        assert not tags


@quick
@given(plain_texts, st.lists(st.integers(0, 200), max_size=6))
def test_the_wire_carries_the_text_however_it_is_cut(
    text: str, ends: list[int]
) -> None:
    wire = squeeze("".join(speak(TextAssembler(), cut(text, ends))))
    tail = squeeze(text)[len(wire) :]

    assert wire + tail == squeeze(text)
    assert not is_speakable(tail)


@pauses
@given(
    whole_texts,
    options,
    st.lists(st.tuples(st.integers(0, 300), st.booleans())),
)
def test_the_words_are_the_same_wherever_a_text_pauses(
    text: str, options: dict[str, bool], cuts: list[tuple[int, bool]]
) -> None:
    is_paused = {end % (len(text) + 1): is_paused for end, is_paused in cuts}
    parts = cut(text, list(is_paused))

    assembler, messages, at = TextAssembler(TextOptions(**options)), [], 0
    for part in parts:
        messages += assembler.push(part)
        at += len(part)
        if is_paused.get(at):
            messages += assembler.flush_idle()
    messages += assembler.flush()

    assert heard(messages) == heard(
        speak(TextAssembler(TextOptions(**options)), [text])
    )


@quick
@given(unwritten_texts, st.lists(st.integers(0, 400), max_size=12))
def test_what_is_said_does_not_depend_on_how_a_text_is_cut(
    text: str, ends: list[int]
) -> None:
    options = TextOptions(
        clean_thoughts=True,
        clean_code=True,
        clean_markdown=True,
        clean_tables=True,
        clean_urls=True,
        clean_emoji=True,
        replacements=SAID_OTHERWISE,
    )

    whole = speak(TextAssembler(options), [text])
    parts = speak(TextAssembler(options), cut(text, ends))
    single = speak(TextAssembler(options), list(text))

    assert said(parts) == said(single) == said(whole)


@pytest.mark.parametrize("option", ["", "clean_markdown", "clean_emoji"])
@pytest.mark.parametrize("word", WHOLE_WORDS)
def test_a_pause_after_each_character_breaks_no_word(
    word: str, option: str
) -> None:
    options = {option: True} if option else {}
    for text in (
        word,
        f"So {word} too.",
        f"{word}\n{word}",
        f"12 {word} {word}",
    ):
        assembler, messages = TextAssembler(TextOptions(**options)), []
        for character in text:
            messages += assembler.push(character) + assembler.flush_idle()
        messages += assembler.flush()

        assert heard(messages) == heard(
            speak(TextAssembler(TextOptions(**options)), [text])
        )


@pauses
@given(fragments, options)
def test_a_message_has_no_tag_but_the_vendors(
    fragments: list[str], options: dict[str, bool]
) -> None:
    assembler, messages = TextAssembler(TextOptions(**options)), []
    for index, fragment in enumerate(fragments):
        messages += assembler.push(fragment)
        if index % 2:
            messages += assembler.flush_idle()
        if index % 5 == 4:
            messages += assembler.flush_stalled()
    wire = " ".join([*messages, *assembler.flush()])

    brackets = re.findall(r"<[A-Za-z/!?][^<>]*>?", wire)
    tags = [b for b in brackets if VENDOR_TAG.fullmatch(b)]
    words = [wire[start:end] for start, end in word_spans(wire)]

    assert tags == (brackets if options["allow_tags"] else [])
    assert words == VENDOR_TAG.sub(" ", wire).split()
    assert without_tags(wire) == " ".join(words)


@pauses
@given(fragments, st.integers(0, 60))
def test_a_cut_is_before_a_word_and_in_no_tag(
    fragments: list[str], room: int
) -> None:
    for message in speak(
        TextAssembler(TextOptions(allow_tags=True)), fragments
    ):
        at = cut_before(message, room)
        head, tail = message[:at], message[at:]
        words = [*word_spans(head), *word_spans(tail)]

        assert at <= room
        assert len(words) == len(word_spans(message))
        assert not head or (tail[0] in " \n" and head == head.rstrip(" \n"))
        assert not VENDOR_TAG.search(
            head[-1:] if not head else head.split()[-1]
        )


@quick
@given(plain_texts)
def test_one_character_at_a_time_sends_the_same_words(text: str) -> None:
    whole = speak(TextAssembler(), [text])
    single = speak(TextAssembler(), list(text))

    assert squeeze("".join(whole)).startswith(squeeze("".join(single))) or (
        squeeze("".join(single)).startswith(squeeze("".join(whole)))
    )
    for message in single:
        assert is_speakable(message)


@quick
@given(
    st.lists(
        st.from_regex(r"\A[$(]?[a-z0-9]+([.,:'/@-][a-z0-9]+){0,4}[.?!,)]?\Z"),
        max_size=12,
    ),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_no_word_is_ever_broken(words: list[str], ends: list[int]) -> None:
    text = " ".join(words)

    sent = speak(TextAssembler(), cut(text, ends))

    # A comma ends a plain word, and a full stop does in the first message.
    # Only there may more words come out; marks after the last one are not
    # heard, and stay behind.
    is_over = re.compile(r"[a-z]{2,}(?:'[a-z])?,\Z")
    rest = [word for message in sent for word in message.split()]
    first = sent[0].split()[-1] if sent else ""
    for word in words:
        joined = ""
        while joined != word:
            assert (
                joined == ""
                or is_over.search(joined)
                or (joined == first and re.search(r"[a-z]{2}\.\Z", first))
            )
            if not rest and not is_speakable(word[len(joined) :]):
                break
            joined += rest.pop(0)
            assert word.startswith(joined)
    assert not rest
