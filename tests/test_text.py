# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The rules of text.py and of what it is made of, one row each."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest

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

BREAK = '<break time="1.5s" />'


def push_all(assembler: TextAssembler, fragments: str) -> list[list[str]]:
    """What each fragment (they are separated by `|`) lets out, then flush."""
    let_out = [assembler.push(part) for part in fragments.split("|")]
    return [*let_out, assembler.flush()]


def speak(fragments: str, **options: bool) -> str:
    """What the vendor puts together of the fragments."""
    messages = push_all(TextAssembler(TextOptions(**options)), fragments)
    return " ".join(sum(messages, []))


def speak_in_pauses(fragments: str, **options: bool) -> list[list[str]]:
    """What leaves at each step: `|` is a pause, `~` a long one, then flush."""
    assembler = TextAssembler(TextOptions(**options))
    let_out = []
    for part in re.findall(r"[^|~]*[|~]|[^|~]+\Z", fragments):
        messages = assembler.push(part.rstrip("|~"))
        if part.endswith("|"):
            messages += assembler.flush_idle()
        elif part.endswith("~"):
            messages += assembler.flush_stalled()
        let_out.append(messages)
    return [*let_out, assembler.flush()]


@pytest.mark.parametrize(
    ("fragments", "messages"),
    [
        # whitespace, and what follows it
        ("Hello world. ", [["Hello world."], []]),
        ("Hello world", [["Hello"], ["world"]]),
        ("Hello world.", [["Hello world."], []]),
        ("Hello |w", [[], ["Hello"], ["w"]]),
        ("Hello | (|you)", [[], ["Hello"], [], ["(you)"]]),
        ("  Hello   big |  world", [["Hello"], ["big"], ["world"]]),
        ("Title\n|\n|Text", [["Title"], [], [], ["Text"]]),
        # a comma after a plain word
        ("Hello,| how are", [["Hello,"], ["how"], ["are"]]),
        ("Hello,|how", [["Hello,"], [], ["how"]]),
        ("D'accord,| moi", [["D'accord,"], [], ["moi"]]),
        ("مرحبا،| كيف", [["مرحبا،"], [], ["كيف"]]),
        ("I,| Robot", [[], ["I,"], ["Robot"]]),
        ("x2,|5", [[], [], ["x2,5"]]),
        ("https://a.bc/de,|f", [[], [], ["https://a.bc/de,f"]]),
        # numbers, times, addresses, abbreviations, ellipses
        ("$50,|000.|75 now ", [[], [], ["$50,000.75"], ["now"]]),
        ("at 10:|30.", [["at"], [], ["10:30."]]),
        (
            "ok, |see example.|com.| Bye",
            [["ok,"], ["see"], [], ["example.com."], ["Bye"]],
        ),
        ("www.|Example.|com!", [[], [], [], ["www.Example.com!"]]),
        ("a@b.|org,| c", [[], [], ["a@b.org,"], ["c"]]),
        ("the U.|S.| army", [["the"], [], ["U.S."], ["army"]]),
        ("So wait|.|.|.| what", [["So"], [], [], [], ["wait..."], ["what"]]),
        # marks that stand alone
        ("« |Oui. |» dit", [[], [], ["« Oui. »"], ["dit"]]),
        ("yes - |no", [[], ["yes -"], ["no"]]),
        ("Well! |😀| Bye", [["Well!"], [], [], ["😀 Bye"]]),
        ("Bye! 😀", [["Bye!"], []]),
        ("Bye 😀", [[], ["Bye 😀"]]),
        ("...", [[], []]),
        (" | |\n", [[], [], [], []]),
        # quotes: what closes them belongs to the word before
        ('"Hello|,"| she', [[], [], ['"Hello,"'], ["she"]]),
        ("(Hello, |)", [[], [], ["(Hello, )"]]),
        # a splitter that strips the space
        ("Oh, |the fox.|The dog", [["Oh,"], ["the"], ["fox. The"], ["dog"]]),
        ("Oh, |Node.|js is", [["Oh,"], [], ["Node.js"], ["is"]]),
        ("U.|S ", [[], [], ["U.S"]]),
        # scripts without spaces
        ("你好，|我", [["你好，"], [], ["我"]]),
        ("你好！|！我", [["你好！"], [], ["！我"]]),
        ("你好。我|是。", [["你好。"], ["我是。"], []]),
        ("他说：“你好。|”然后", [["他说："], ["“你好。”"], ["然后"]]),
        ("１，|０００元。", [[], ["１，０００元。"], []]),
        ("好。」|我", [[], ["好。」"], ["我"]]),
        ("有3，|他", [[], ["有3，"], ["他"]]),
        ("สวัสดีครับ| คุณ", [[], ["สวัสดีครับ"], ["คุณ"]]),
        ("नमस्ते। |मैं", [["नमस्ते।"], [], ["मैं"]]),
    ],
)
def test_only_what_is_surely_complete_leaves(
    fragments: str, messages: list[list[str]]
) -> None:
    assert push_all(TextAssembler(), fragments) == messages


@pytest.mark.parametrize(
    ("fragments", "messages"),
    [
        # `!` and `?` after a plain word
        ("Sure!| Which", [["Sure!"], [], ["Which"]]),
        ("Sure|!", [[], ["Sure!"], []]),
        ("So, you|?|I", [["So,"], ["you?"], [], ["I"]]),
        ('He said, "no|!"', [["He said,"], [], ['"no!"']]),
        ("Ça va |?| Oui", [["Ça"], ["va ?"], [], ["Oui"]]),
        ("va|\u00a0?| Oui", [[], ["va\u00a0?"], [], ["Oui"]]),
        ("كيف؟| نعم", [["كيف؟"], [], ["نعم"]]),
        ("oh, 5!| a?| x_y!| ok", [["oh,"], ["5!"], ["a?"], ["x_y!"], ["ok"]]),
        ("http://a.bc/de?|f=g ", [[], [], ["http://a.bc/de?f=g"]]),
        # a comma after a plain word, quoted too
        ('"Hello,| "she', [['"Hello,'], [], ['"she']]),
        ("It is **so,|** ok", [["It is **so,"], [], ["ok"]]),
        # a comma or full stop after a mark that closes or a unit
        ("or (later).| So", [["or (later)."], [], ["So"]]),
        ("oh, (later).| So", [["oh, (later)."], [], ["So"]]),
        ("oh, “so”,| he", [["oh, “so”,"], [], ["he"]]),
        ("oh, 5 %.| So", [["oh, 5 %."], [], ["So"]]),
        ("oh, $5.50),|so", [["oh, $5.50),"], [], ["so"]]),
        ("oh, *.|txt", [[], ["oh,"], ["*.txt"]]),
        ("oh, f(x).|y", [["oh,"], [], ["f(x).y"]]),
        ("oh, $.|ajax", [["oh,"], [], ["$.ajax"]]),
        # a full stop after a plain word, while nothing has left
        ("Sure.| What", [["Sure."], [], ["What"]]),
        ("Hello world.| So.| it", [["Hello world."], [], ["So."], ["it"]]),
        ("Dr.| Jo", [["Dr."], [], ["Jo"]]),
        ("Hello. |World.| It", [["Hello."], [], ["World."], ["It"]]),
        ("3.|14", [[], [], ["3.14"]]),
        ("J.| R.| R.| T", [[], ["J."], ["R."], ["R."], ["T"]]),
        # … which goes against a name that goes on
        ("Node.|js is", [["Node."], ["js"], ["is"]]),
        # more marks after what has left are not said
        ("Really?|!| No", [["Really?"], [], [], ["No"]]),
        ("Wait.|.|.| what", [["Wait."], [], [], [], ["what"]]),
        ('"Sure!|"| she', [['"Sure!'], [], [], ["she"]]),
        ('"Sure!|",| she', [['"Sure!'], [], [], ["she"]]),
        ("Sure!|!So.", [["Sure!"], [], ["So."]]),
        ("Yahoo!|'s it", [["Yahoo!"], ["'s"], ["it"]]),
        ("Sure! |- no", [["Sure!"], [], ["- no"]]),
    ],
)
def test_a_word_that_is_over_leaves_at_once(
    fragments: str, messages: list[list[str]]
) -> None:
    assert push_all(TextAssembler(), fragments) == messages


@pytest.mark.parametrize(
    ("fragments", "let_out"),
    [
        # Whole words leave, a space or marks after them.
        ("Hello |world", [["Hello"], [], ["world"]]),
        ("Oh, |let me see.| So", [["Oh,"], ["let me", "see."], [], ["So"]]),
        ('He said "no."| I', [["He said", '"no."'], [], ["I"]]),
        ("Is it (really?)|", [["Is it", "(really?)"], []]),
        ("the following:| one", [["the", "following:"], [], ["one"]]),
        ("Ça va ;| Oui", [["Ça", "va ;"], [], ["Oui"]]),
        ("Only $9.99!| Now", [["Only", "$9.99!"], [], ["Now"]]),
        ("你好。|我", [["你好。"], [], ["我"]]),
        ("“你好。|”然后", [["“你好。"], [], ["”然后"]]),
        ("यह ठीक.| अब", [["यह", "ठीक."], [], ["अब"]]),
        # A word without an ending waits, and goes on.
        ("for exam|ple now", [["for"], ["example"], ["now"]]),
        ("don|'|t go", [[], [], ["don't"], ["go"]]),
        ("well-|known ", [[], [], ["well-known"]]),
        ("你|好吗？", [[], ["你好吗？"], []]),
        ("Hi 😀|‍🔥 you", [["Hi"], [], ["😀‍🔥 you"]]),
        # A number waits.
        (
            "It costs $1,|234.|50 today.|",
            [["It costs"], [], ["$1,234.50", "today."], []],
        ),
        ("about 3.|14", [["about"], [], ["3.14"]]),
        ("at 10:|30.| Then", [["at"], [], ["10:30."], ["Then"]]),
        ("1|2|3 go", [[], [], ["123"], ["go"]]),
        ("costs $|5 ", [["costs"], [], ["$5"]]),
        ("10 |000 |€| now", [[], ["10"], [], ["000 €"], ["now"]]),
        ("10 - |5", [["10 -"], [], ["5"]]),
        ("10 « |5", [["10"], [], ["« 5"]]),
        ("１，|０００元。|", [[], ["１，０００元。"], []]),
        ("version 2.|0.|1, ok", [["version"], [], ["2.0.1,"], ["ok"]]),
        # An address waits, and a path.
        (
            "see https:|//example.|com/a,|b.| Bye",
            [["see"], [], [], [], ["https://example.com/a,b."], ["Bye"]],
        ),
        ("访问https:|//a.b，|谢", [[], ["访问https://a.b，"], [], ["谢"]]),
        ("ask jo@|x.|org,| ok", [["ask"], [], [], ["jo@x.org,"], ["ok"]]),
        ("go www.|x.|org!| ok", [["go"], [], [], ["www.x.org!"], ["ok"]]),
        ("in C:|\\a.|b", [["in"], [], [], ["C:\\a.b"]]),
        ("a_b.|py", [[], [], ["a_b.py"]]),
        ("std::|vector<int>|::x ", [[], [], [], ["std::vector< int>::x"]]),
        ("std::vector.|size ", [[], [], ["std::vector.size"]]),
        # An initial or an abbreviation waits.
        ("the U.|S.| army", [["the"], [], ["U.S."], ["army"]]),
        ("J.|R.|R.| T", [[], [], [], ["J.R.R."], ["T"]]),
        ("fruit, e.|g.,| figs", [["fruit,"], [], ["e.g.,"], ["figs"]]),
        ("so |ask Dr.| Jo", [["so"], ["ask"], ["Dr."], ["Jo"]]),
        # An opening mark waits for its word.
        ("dit : « |oui", [["dit :"], [], ["« oui"]]),
        ("so |( |yes", [["so"], [], [], ["( yes"]]),
        # An open tag waits.
        ("wait <fl|ush>| now", [["wait"], [], [], ["now"]]),
        ("a <|b| class='x'|>c|d ", [["a"], [], [], [], [], ["cd"]]),
        ("a <b| and c|", [["a"], ["< b and"], ["c"]]),
        ("x<y|> ", [[], ["x< y>"], []]),
        # After a long silence, what can stand as it is.
        ("an exam~ple", [["an", "exam"], [], ["ple"]]),
        ("(yes~)", [["(yes"], [], []]),
        ("It is $50.~ Now", [["It is", "$50."], [], ["Now"]]),
        ("at jo@x.org.~ Bye", [["at", "jo@x.org."], [], ["Bye"]]),
        ("at 5 p.m.~ Bye", [["at 5", "p.m."], [], ["Bye"]]),
        ("so |ask Dr.~ Jo", [["so"], ["ask", "Dr."], [], ["Jo"]]),
        ("in 10 ~minutes", [["in", "10"], [], ["minutes"]]),
        ("It is $1,~234.50~ ok", [["It is"], ["$1,234.50"], [], ["ok"]]),
        ("It is $1.50,~5 ok", [["It is"], ["$1.50,5"], ["ok"]]),
        ("costs 5~ now", [["costs", "5"], [], ["now"]]),
        ("in 10 €~ now", [["in", "10 €"], [], ["now"]]),
        ("at 10:~30", [["at"], [], ["10:30"]]),
        ("at jo@~x.org", [["at"], [], ["jo@x.org"]]),
        ("at x.org~ ok", [["at", "x.org"], [], ["ok"]]),
        ("at x.org,~ ok", [["at"], ["x.org,"], ["ok"]]),
        ("costs $~5", [["costs"], [], ["$5"]]),
        ("well-~known", [[], [], ["well-known"]]),
        ("at https:~//~x.org", [["at"], [], [], ["https://x.org"]]),
        ("a <fl~ush>b", [["a"], [], ["b"]]),
    ],
)
def test_a_silence_lets_out_what_is_surely_whole(
    fragments: str, let_out: list[list[str]]
) -> None:
    assert speak_in_pauses(fragments) == let_out


def test_a_silence_lets_no_open_link_out() -> None:
    fragments = "see |![the |docs](|a.b)| or [1]|. Now"

    let_out = speak_in_pauses(fragments, clean_markdown=True)
    later = speak_in_pauses(fragments.replace("|", "~"), clean_markdown=True)

    rest = [["[1]."], ["Now"]]
    assert let_out == [["see"], [], [], ["the"], ["docs", "or"], *rest]
    assert later == [["see"], [], [], ["the", "docs"], ["or"], *rest]


def test_a_silence_lets_no_mark_of_emphasis_out() -> None:
    fragments = "**Look.|** It is _so.|_ good, `a.|` I **see.|**"

    assert " ".join(
        sum(speak_in_pauses(fragments, clean_markdown=True), [])
    ) == ("Look. It is so. good, a. I see.")


def test_holding_tells_whether_a_silence_left_something() -> None:
    assembler = TextAssembler()
    seen = []
    for fragment in ["Hel", "lo. ", "It is $1,", "250.", " <b", ">", " !"]:
        assembler.push(fragment)
        assembler.flush_idle()
        seen.append(assembler.is_holding)

    assert seen == [True, False, True, True, True, False, False]


def test_fragments_after_a_flush_begin_a_new_word() -> None:
    assembler = TextAssembler()

    assert push_all(assembler, "Hel") == [[], ["Hel"]]
    assert push_all(assembler, "lo there ") == [["lo"], ["there"]]
    assert assembler.flush() == []


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\tb\r\nc\x00d\x1be\x85f", "a b c d e f"),
        ("a\u3000b\u2003c\u2028d", "a b c d"),
        ("10\u00a0000\u202f€", "10\u00a0000\u202f€"),
        ("z\u200be\ufeffro-\u00adwid\u2060th\u202e", "zero-width"),
        ("he\u200dl\u200clo", "hello"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\ud800b\udfffc", "abc"),
        ("tag\U000e0041ged", "tagged"),
        ("\ud83d", ""),
        ("<fl\u200bush> hi", "hi"),
    ],
)
def test_what_is_neither_seen_nor_heard_is_removed(
    text: str, cleaned: str
) -> None:
    for fragments in (text, *(f"{text[:i]}|{text[i:]}" for i in range(9))):
        messages = sum(push_all(TextAssembler(), fragments), [])

        assert " ".join(messages) == cleaned
        json.dumps(messages, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        ("a <flush> b", "a b"),
        ("a<flush>b", "a b"),
        (f"a {BREAK} b", "a b"),
        ("a <BREAK time='9s'/> b </break>", "a b"),
        ("<b>bold</b> and <i class='x'>it</i>.", "bold and it ."),
        ("<speak><p>Hi</p></speak>", "Hi"),
        ("one<br/>two", "one two"),
        ("a < b", "a < b"),
        ("a < b and c > d", "a < b and c > d"),
        ("a <b and c> d", "a < b and c> d"),
        ("I <3 you", "I <3 you"),
        ("x<5, y<=z, a->b", "x<5, y<=z, a->b"),
        ("x<y", "x< y"),
        ("Use std::vector<int> here", "Use std::vector< int> here"),
        ("std::map<int, char*>::iterator", "std::map< int, char*>::iterator"),
        ("List<Object> o<br/>x<BR>y", "List< Object> o x y"),
        (
            "List<java.util.Map> <std::string>",
            "List< java.util.Map> < std::string>",
        ),
        ("<- and -> are arrows", "<- and -> are arrows"),
        ("< hello there >", "< hello there >"),
        ("<hello> <hello there> <world/>", "< hello> < hello there> < world/>"),
        ("<!-- a --> <?php ?> </ b>", "< !-- a --> < ?php ?> < / b>"),
        ("<say-as interpret-as='date'>2.3.</say-as>", "2.3."),
        ("<SPAN CLASS=a>b</SPAN>", "b"),
        ("<fl<flush>ush>", "< fl ush>"),
        ("<<flush>flush>", "< flush>"),
        ("Jo <jo@x.org>, <https://x.org/a>.", "Jo jo@x.org, https://x.org/a."),
        ("<x.org> <tel:+33> Jo<jo@x.org>", "x.org tel:+33 Jo< jo@x.org>"),
        ("end <flush", "end < flush"),
        ("<", ""),
    ],
)
def test_a_tag_in_the_text_is_neutralised(text: str, neutral: str) -> None:
    for at in range(len(text)):
        messages = sum(
            push_all(TextAssembler(), text[:at] + "|" + text[at:]), []
        )

        assert " ".join(messages) == neutral


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("a <flush> b", "a <flush> b"),
        ("a<flush>b", "a <flush> b"),
        ("a <FLUSH/> b", "a <flush> b"),
        (f"a{BREAK}b", f"a {BREAK} b"),
        (f"a, {BREAK} b.", f"a, {BREAK} b."),
        ("a <break time='1.50s'> b", f"a {BREAK} b"),
        ("a <Break  time = 1500ms/> b", f"a {BREAK} b"),
        ("a <break time='9s'/> b", 'a <break time="2s" /> b'),
        ("a <break time='1ms'/> b", 'a <break time="0.1s" /> b'),
        ("a <break time='soon'/> b", "a b"),
        ("a <break> </break> <flush x='1'> b", "a b"),
        ("a <b>c</b> <breakfast> d", "a c < breakfast> d"),
        ("a <flush b", "a < flush b"),
        (f"{BREAK} a", f"{BREAK} a"),
        (f'"a" {BREAK} b {BREAK}c', f'"a" {BREAK} b {BREAK} c'),
        (f"{BREAK} <flush>", ""),
    ],
)
def test_only_the_two_legal_tags_pass_if_allowed(
    text: str, passed: str
) -> None:
    for at in range(len(text)):
        assembler = TextAssembler(TextOptions(allow_tags=True))
        fragments = text[:at] + "|" + text[at:]

        assert " ".join(sum(push_all(assembler, fragments), [])) == passed


def test_a_tag_leaves_whole_and_as_soon_as_it_is_closed() -> None:
    assembler = TextAssembler(TextOptions(allow_tags=True))
    fragments = 'Hi. |<break time="|1.|5s" /|>|<fl|ush>|Bye'

    assert push_all(assembler, fragments) == [
        ["Hi."], [], [], [], [BREAK], [], ["<flush>"], [], ["Bye"],
    ]  # fmt: skip


def test_a_quoting_mark_does_not_let_a_tag_break() -> None:
    assembler = TextAssembler(TextOptions(allow_tags=True))

    assert push_all(assembler, f'"Hi" {BREAK}|(|you|) <flush>| b') == [
        [f'"Hi" {BREAK}'], [], [], ["(you) <flush>"], [], ["b"],
    ]  # fmt: skip


def test_a_bracket_that_opens_no_tag_does_not_wait_for_ever() -> None:
    assembler = TextAssembler()

    messages = assembler.push("a <b" + " and" * 100)

    assert messages == ["a < b" + " and" * 99]
    assert assembler.push(' <a href="' + "and " * 100) != []


def test_what_follows_a_flush_closes_no_emphasis() -> None:
    assembler = TextAssembler(TextOptions(clean_markdown=True))

    assert push_all(assembler, "**Hi.**") == [[], ["Hi."]]
    assert push_all(assembler, "** so") == [[], ["** so"]]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("**bold** and *it*, __b__ _i_.", "bold and it, b i."),
        ("***both*** ~~gone~~ `code`", "both gone code"),
        ("un**frigging**real", "unfriggingreal"),
        ("2 * 3, 2*3, 2**3", "2 * 3, 2*3, 2**3"),
        ("snake_case and __init__", "snake_case and init"),
        ("# Head\n## Sub\ntext", "Head Sub text"),
        ("C# and #1", "C# and #1"),
        ("- one\n* two\n  + three\n• four", "one two three four"),
        ("1. one\n2. two", "1. one 2. two"),
        ("a\n---\nb", "a b"),
        ("a\n---b c", "a ---b c"),
        ("** so", "** so"),
        ("> said\n> again", "said again"),
        ("```python\nprint()\n```\nend", "print() end"),
        ("[the docs](https://a.b/c_d_) now", "the docs now"),
        ('[w](http://a.b/c_(d)) ![i](u "t")', "w i"),
        ("[1] and [2, 3] (4)", "[1] and [2, 3] (4)"),
        ("see https://a.b/_c_/d_", "see https://a.b/_c_/d_"),
        ("**[a b](c)**, d", "a b, d"),
        ("<fl**ush>** hi", "hi"),
        ("yes - no -- well", "yes - no -- well"),
    ],
)
def test_markdown_is_removed_if_asked(text: str, cleaned: str) -> None:
    for at in range(len(text)):
        assembler = TextAssembler(TextOptions(clean_markdown=True))
        fragments = text[:at] + "|" + text[at:]

        assert " ".join(sum(push_all(assembler, fragments), [])) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Hi 😀 there", "Hi there"),
        ("Hi 😀, there 😀!", "Hi, there!"),
        ("Bye 😀", "Bye"),
        ("love😍you", "love you"),
        ("a 👨‍👩‍👧👍🏽 b ❤️‍🔥 c", "a b c"),
        ("go 🇫🇷🇩🇪 now", "go now"),
        ("1️⃣ one #️⃣ two", "one two"),
        ("5 © and ™, ☎️ x", "5 © and ™, x"),
        ("← back ❶ x", "← back ❶ x"),
        ("你好😀", "你好"),
        ("<flush😀>hi", "hi"),
    ],
)
def test_emoji_are_removed_if_asked(text: str, cleaned: str) -> None:
    for at in range(len(text)):
        assembler = TextAssembler(TextOptions(clean_emoji=True))
        fragments = text[:at] + "|" + text[at:]

        assert " ".join(sum(push_all(assembler, fragments), [])) == cleaned


def test_a_long_text_is_cut_between_words() -> None:
    words = ["word", "vous ?", "1,000.50"] * 1000

    messages = sum(push_all(TextAssembler(), " ".join(words)), [])

    assert " ".join(messages) == " ".join(words)
    assert max(map(len, messages)) <= MAX_MESSAGE_CHARS
    assert not any(message.startswith("?") for message in messages)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a" * 2000, 1400),
        # The 1400th character is an `e`, and its accent the next one.
        ("a" + "e\u0301" * 1000, 1399),
        ("a" * 1370 + "e" + "\u0301" * 30 + "a" * 500, 1370),
        # A joiner keeps both its neighbours.
        ("a" * 1399 + "क\u200dक" + "a" * 500, 1399),
        ("a" * 1398 + "क\u200dक" + "a" * 500, 1398),
        # Nothing belongs to so many marks.
        ("a" * 1360 + "e" + "\u0301" * 50 + "a" * 500, 1400),
    ],
)
def test_an_endless_word_is_cut_before_a_letter_and_its_marks(
    text: str, first: int
) -> None:
    for assembler in (TextAssembler(), TextAssembler()):
        messages = assembler.push(text) + assembler.flush()

        assert [len(m) for m in messages] == [first, len(text) - first]
        assert "".join(messages) == text


@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_an_endless_word_is_cut_at_last(size: int) -> None:
    text = "e\u0301" * 5000
    assembler = TextAssembler()

    fragments = [text[at : at + size] for at in range(0, len(text), size)]
    messages = sum(map(assembler.push, fragments), []) + assembler.flush()

    assert "".join(messages) == text
    assert max(map(len, messages)) <= MAX_MESSAGE_CHARS
    assert not any(message.startswith("\u0301") for message in messages)


def test_an_endless_word_leaves_in_messages_that_are_full() -> None:
    assembler = TextAssembler()

    messages = assembler.push("x" * 2 * MAX_MESSAGE_CHARS)

    assert [len(m) for m in messages] == [MAX_MESSAGE_CHARS] * 2


def test_a_long_row_of_marks_is_dropped() -> None:
    assembler = TextAssembler()

    messages = sum(
        map(assembler.push, "hi. " + "- " * 2000 + "\u0301" * 5000), []
    )

    assert messages == ["hi."]


@pytest.mark.parametrize(
    "pattern",
    ["<b>", "<b a=", "<", "[a](", "[", "a.b@", "_", "*", "- ", "\n#", "`",
     "👍🏽🏽", "1\ufe0f", "“", "。", "\u200d", "a-", "( ", " \n", "<a@",
     "<think>", "<think ", "<think>a</think>", "</", "[T", "\n```", "```a\n",
     "\n~~~", "~", "\n|", "| ", "|-", "\\|", "https://", "https://a.b/(",
     "www.", "http://a@", "a a ", "b's ", "1.", "so!", "so)."],
)  # fmt: skip
@pytest.mark.parametrize(
    "end",
    [
        "",
        *(pytest.param(end, marks=pytest.mark.thorough) for end in "x >,"),
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(
    pattern: str, end: str
) -> None:
    # A pattern that backtracks would take minutes here, not milliseconds.
    options = TextOptions(
        clean_thoughts=True,
        clean_code=True,
        clean_markdown=True,
        clean_tables=True,
        clean_urls=True,
        clean_emoji=True,
        replacements=replacements_of({"a a a a b": "c", "b'": "d", "1": "e"}),
    )
    for text in (pattern * 2500 + end, "Hi" + pattern * 2500 + end):
        assembler = TextAssembler(options)

        messages = [
            *assembler.push(text),
            *assembler.flush_idle(),
            *assembler.flush_stalled(),
            *assembler.flush(),
        ]

        assert len(word_spans(text)) >= len(word_spans(without_tags(text)))
        assert cut_before(text, len(text)) <= len(text)
        assert all(len(message) <= MAX_MESSAGE_CHARS for message in messages)


def test_holding_tells_whether_something_can_be_heard() -> None:
    assembler = TextAssembler()
    seen = []
    for fragment in ["... ", "Hel", "lo", ", ", "?"]:
        assembler.push(fragment)
        seen.append(assembler.is_holding)

    assert seen == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("held", "is_let_out"),
    [
        ("", True),
        ("Hello, ", True),
        ("Hello ", True),
        ("Hel", False),
        ("Hello.", True),
        ("you?", True),
        ('He said "no."', True),
        ("following:", True),
        ("你好。", True),
        ("costs 3.", False),
        ("$50,", False),
        ("at 10:", False),
        ("the U.", False),
        ("the U.S.", False),
        ("see www.example.", False),
        ("https://example.com?", False),
        ("jane@example.", False),
        ("wait <flu", False),
    ],
)
def test_a_silence_lets_out_what_is_no_part_of_a_word_or_tag(
    held: str, is_let_out: bool
) -> None:
    assembler = TextAssembler()

    assembler.push(held)
    assembler.flush_idle()

    assert assembler.is_holding is not is_let_out


def test_a_silence_waits_for_an_open_link() -> None:
    assembler = TextAssembler(TextOptions(clean_markdown=True))
    seen = []
    for fragment in ["[a", "] ", "see ![", "the ", "docs", "](", "u", ") "]:
        messages = [*assembler.push(fragment), *assembler.flush_idle()]
        seen.append(" ".join(messages))

    assert seen == ["", "[a]", "see", "", "", "", "", "the docs"]


@pytest.mark.parametrize(
    ("text", "is_heard"),
    [
        ("a", True),
        ("5", True),
        ("你", True),
        ("½", True),
        ("🙂 ok", True),
        ("<jo@x.org>", True),
        ("<b></b>", False),
        ("", False),
        (" \n\t", False),
        ("...?!", False),
        ("—", False),
        ("_", False),
        ("$ %", False),
        ("😀👨‍👩‍👧🇫🇷", False),
        ("1️⃣", False),
        ("<flush>", False),
        (f"{BREAK} <flush>.", False),
    ],
)
def test_speakable_is_what_can_be_heard(text: str, is_heard: bool) -> None:
    assert is_speakable(text) is is_heard


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("", []),
        ("Hello, big  world.", ["Hello,", "big", "world."]),
        (f"a {BREAK} b <flush> c", ["a", "b", "c"]),
        (f"{BREAK} <flush>", []),
        ("$50,000.75 at 10:30", ["$50,000.75", "at", "10:30"]),
        ("<- and ->", ["<-", "and", "->"]),
        ("< hello there > ?", ["<", "hello", "there", ">", "?"]),
        ("a < b and b > c", ["a", "<", "b", "and", "b", ">", "c"]),
        (
            "a <flushed <break time= <Flush>",
            ["a", "<flushed", "<break", "time=", "<Flush>"],
        ),
    ],
)
def test_words_are_all_but_spaces_and_the_vendors_tags(
    message: str, words: list[str]
) -> None:
    spans = word_spans(message)

    assert [message[start:end] for start, end in spans] == words
    assert without_tags(message) == " ".join(words)


@pytest.mark.parametrize(
    ("message", "heads"),
    [
        ("", {""}),
        ("one", {""}),
        ("one two three", {"", "one", "one two"}),
        ("one  two\u00a0three", {"", "one"}),
        ("a < b and b > c", {"", "a <", "a < b", "a < b and", "a < b and b >"}),
        ("va ? Oui « non »", {"", "va ?", "va ? Oui"}),
        (f"a {BREAK} b <flush>", {"", "a", f"a {BREAK} b"}),
        (f"{BREAK} <flush> a b", {"", f"{BREAK} <flush> a"}),
    ],
)
def test_a_long_message_is_cut_before_a_word(
    message: str, heads: set[str]
) -> None:
    cuts = [cut_before(message, room) for room in range(len(message) + 1)]

    assert {message[:cut] for cut in cuts} == heads
    assert cuts == sorted(cuts)
    assert all(cut <= room for room, cut in enumerate(cuts))
    # The last place, not just any.
    assert all(cut_before(message, cut) == cut for cut in cuts)


def test_messages_of_a_dialogue_join_with_one_space() -> None:
    assembler = TextAssembler()
    text = "Sure! It is $1,299.99, due 10:30. See example.com, e.g. today."

    parts = [text[a:b] for a, b in pairwise(range(0, len(text) + 1))]
    wire = sum(map(assembler.push, parts), []) + assembler.flush()

    assert " ".join(wire) == text
