"""What holds for every text, however it is cut and whatever is in it."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from gradium_tts_python.core.text import (
    MAX_MESSAGE_CHARS,
    TextAssembler,
    is_speakable,
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
]  # fmt: skip
PLAIN_PIECES = [p for p in PIECES if not set(p) & set("<>\u200b\u200d\ud83d\0")]

fragments = st.lists(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join), max_size=12
) | st.lists(st.text(max_size=20), max_size=8)
plain_texts = st.lists(st.sampled_from(PLAIN_PIECES), max_size=30).map("".join)
options = st.fixed_dictionaries(
    {
        "allow_tags": st.booleans(),
        "clean_markdown": st.booleans(),
        "clean_emoji": st.booleans(),
    }
)
quick = settings(max_examples=80, deadline=None)


def squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def cut(text: str, ends: list[int]) -> list[str]:
    at = [0, *sorted(end % (len(text) + 1) for end in ends), len(text)]
    return [text[a:b] for a, b in zip(at, at[1:], strict=False)]


def speak(assembler: TextAssembler, fragments: list[str]) -> list[str]:
    messages = [m for part in fragments for m in assembler.push(part)]
    return messages + assembler.flush()


@quick
@given(fragments, options, st.sets(st.integers(0, 12)))
def test_every_message_is_fit_for_the_wire(
    fragments: list[str], options: dict[str, bool], flush_after: set[int]
) -> None:
    assembler = TextAssembler(**options)
    messages = []
    for index, fragment in enumerate(fragments):
        messages += assembler.push(fragment)
        if index in flush_after:
            messages += assembler.flush()
            assert not assembler.is_holding
            assert assembler.is_cut_safe
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
    wire = " ".join(speak(TextAssembler(**options), fragments))

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
        st.from_regex(r"\A[$(]?[a-z0-9][a-z0-9.,:'/@-]{0,8}[a-z0-9.?!,)]\Z"),
        max_size=12,
    ),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_no_word_is_ever_broken(words: list[str], ends: list[int]) -> None:
    text = " ".join(words)

    sent = speak(TextAssembler(), cut(text, ends))

    # A comma ends a plain word, so only there may more words come out; marks
    # after the last one are not heard, and stay behind.
    rest = [word for message in sent for word in message.split()]
    for word in words:
        joined = ""
        while joined != word:
            assert joined == "" or re.search(r"[a-z]{2,}(?:'[a-z])?,\Z", joined)
            if not rest and not is_speakable(word[len(joined) :]):
                break
            joined += rest.pop(0)
            assert word.startswith(joined)
    assert not rest
