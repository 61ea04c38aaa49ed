# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where a word is over, and so where a message may end.

Pure. TEN's sentence splitter cuts after every ``, . ? ! :`` (ASCII and
full-width), with or without the space that follows, and a model's token may
end anywhere. The vendor puts ONE space between two messages and has no way
to join them without it. So a message may end only where a space does no
harm, which is at a *boundary*:

1. whitespace before a word or an opening mark. A token without letter or
   digit (``?`` in French, ``-``, ``%``, an emoji) stays with the word
   before it, a lone opening mark (``«``) with the word after it;
2. whitespace after punctuation, and the end of a line, whatever follows;
3. after the punctuation of scripts without spaces (``。！？、，``), unless
   it stands between two digits;
4. at the end of what has arrived, after a comma, ``!`` or ``?`` that follows
   a plain word of two letters or more (``Hello,`` ``Sure!`` ``va ?``), and
   after a comma or ``.`` that follows a closing mark or a unit (``later).``
   ``50 %,``). Numbers (``$50,``), single letters and addresses are no plain
   words;
5. there, too, after a ``.`` that follows a plain word, while nothing of the
   request has left (``Sure.``).

Rules 2 and 3 also hold at the end of what has arrived, so ``Hello world. ``
leaves at once. In any other case the last word waits for the character after
it: ``example.`` may go on with ``com``, ``3.`` with ``14``. That is one word,
while those before it are spoken. Rule 5 goes against ``Node.`` + ``js``, for
the sake of a reply that begins with ``Sure.``; what else was tried, and what
it would save and break, is in ``docs/decisions``.

Once a quoting, bracketing or emphasis mark has been seen, one that closes it
may follow any punctuation after a space (``« Oui. »``), so rules 2 and 3 then
need to see the next character. What follows a word that was over by rule 4 or
5 without a space, one more ``!`` or a mark that closes, is left out.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_OPEN = "«‹“„‚‘(\\[{¿¡「『（【《〈"
_CLOSE = "”’」』）】》〉"
_STOP = "。！？、，；：｡､।॥။၊។"  # of scripts without spaces, and Indic
_ENDS = ".,!?;:…،؟؛"
_MARK = f"{_ENDS}۔>{_STOP}"
SENTENCE_ENDS: Final = (".", "!", "?")
_MAX_ACCENTS: Final = 32  # of one letter; Unicode's own limit is 30

# Rule 1. A lone opening mark before the space belongs to the word after it.
_BEFORE_WORD = (
    rf"(?<=\S)(?<!\s[{_OPEN}])(?<!\A[{_OPEN}])[ \n]+(?=[{_OPEN}]|[^\s\w]*\w)"
)
SPACE_BEFORE_WORD: Final = re.compile(_BEFORE_WORD)
# Rule 2, for the end of a line.
_LINE_END = r" ?\n[ \n]*"
# Rule 3. The marks that close a quotation stay with the stop.
_AFTER_STOP = (
    rf"(?!(?<=\d).\d)[{_STOP}][{_STOP}{_CLOSE}]{{0,8}}(?=[^\s{_STOP}{_CLOSE}])"
)
# Rules 1 to 3. The last two parts need not see the next character.
_BOUNDARY = re.compile(
    rf"{_BEFORE_WORD}|{_LINE_END}|{_AFTER_STOP}"
    rf"|(?<=[{_MARK}])[ \n]+|(?<!\d)[{_STOP}]\Z"
)
# The same where a closing mark may follow; nothing closes a vendor tag.
_QUOTED_BOUNDARY = re.compile(
    rf"{_BEFORE_WORD}|{_LINE_END}|{_AFTER_STOP}"
    r"|(?:(?<=<flush>)|(?<=\0/>))[ \n]+"
)
# Quoting, bracketing and emphasis; an apostrophe inside a word is none.
QUOTING: Final = re.compile(rf"[»›”*_~`{_OPEN}]|(?<![\w=])[\"']")
# Letters, two at least at the end: `fox`, `d'accord`, `it's`, `well-known`.
_PLAIN = r"(?:[^\W\d_]+['’-])*[^\W\d_]{2,}(?:['’][^\W\d_])?"
_OPENED = rf"[\"'*_~`{_OPEN}]{{0,8}}"
_OVER_ENDS = (",", ".", "!", "?", "،", "؟")
_NARROW_SPACES = " \u00a0\u202f"  # before `!` and `?` in French
_UNITS = "%‰°€£¥₹"
# Rule 4; not after a lone `*`, which goes on in `*.txt`.
_OVER = re.compile(
    rf"{_OPENED}(?:{_PLAIN}(?:[,،]|[{_NARROW_SPACES}]?[!?؟]+)"
    rf"|(?:{_PLAIN}|[$€£¥₹]?\d[\d.,]*)[\"'»)\]*`{_UNITS}{_CLOSE}]{{1,8}}[.,،]"
    rf"|[»{_UNITS}{_CLOSE}]{{1,8}}[.,،])"
)
# Rule 5.
_OVER_AT_FIRST = re.compile(rf"{_OPENED}(?![Ww]{{3}}\.){_PLAIN}\.")
# The end and the start between which a splitter may have lost a space.
_PLAIN_SENTENCE_END = re.compile(rf"{_PLAIN}[.!?]")
_SENTENCE_START = re.compile(r"[^\W\d_]+[\s,!?'’]")
# Not the apostrophe of `Yahoo!'s`, nor the quote that opens the next word.
_MORE_MARKS = re.compile(
    rf"\A(?:[{_ENDS}\"'»)\]*_~`{_CLOSE}]+(?=\s|\Z)|[{_ENDS}]+)"
)
# Only to save time: a fragment without any of these cannot complete the
# word before it. After marks, the next word may show that they are complete.
DECISIVE: Final = re.compile(rf"[\n>,،){_STOP}]|[{_MARK}] | \S|[.!?؟]\Z")
DECISIVE_AFTER_MARKS: Final = re.compile(rf"[\s>,،){_STOP}\w{_OPEN}]|[.!?؟]\Z")

# Now for the silences: `is_whole()`.
_CLOSED = rf"[\"'»)\]*_~`{_CLOSE}]{{0,8}}"
# Marks say that the word is over: `Hello.` `(yes!)` `**Go.**`. Not `>`, which
# goes on in `vector<int>::iterator`.
_ENDED = re.compile(rf"[.,!?;:…،؟؛۔{_STOP}]{_CLOSED}\Z")
# They may belong to a number instead (`$1,` `3.` `10:`) …
_NUMBER = re.compile(rf"\d[.,:{_STOP}]\Z")
# … to initials (`U.` `e.g.`), arguments (`f(x,`) or drives (`C:`) …
_INITIAL = re.compile(r"(?<!\w)[^\W\d_][.,:]\Z")
# … to an address, a path or a file name. `3.14`, `10:30` and `1/2` are none.
_ADDRESS = re.compile(
    r"//|@|www\.|\w_\w|[^\W\d_][./\\:=#]\w|\w[./\\:=#][^\W\d_]"
    r"|::|>:\Z"
    r"|(?<![A-Za-z])(?:https?|ftp|wss?|file|mailto|tel|sips?|doi|git):\Z"
)
# A speaker does not pause after these: the silence means something else.
_ABBREVIATION = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|Ph|St|Sgt|Lt|Capt|Col|Gen|Gov|Sen|Rev|Mme|Mmes"
    r"|Mlle|Hr|Fr|Nr|Sr|Sra|Srta|Dra|Profa|Jan|Feb|Aug|Sept|Oct|Nov|Dec|vs|cf"
    r"|ca|bzw|vgl|approx)\.\Z"
)
# A longer silence makes a sentence end of any of the four above …
_SENTENCE_END = re.compile(rf"[.!?…؟۔。！？｡।॥။។]{_CLOSED}\Z")
# … and a whole word of what ends in a letter, a digit or a unit. Not `$1,`,
# `10:`, `jo@`, `https://`, `well-`: they ask for more.
_CAN_END = re.compile(rf"(?:[^\W_]|[%‰°€£¥₹]){_CLOSED}\Z")
# `10 ` may go on with `000` or `€`, and `10 €` with `/kg`.
_NUMBER_AND_SIGN = re.compile(r"(?<![^ \n])[^ \n]*\d[ \n]+(?:[^\w\s]+)?\Z")
# Opening marks that wait for the word after them.
_LONE_OPENING = re.compile(rf"(?<![^ \n])[{_OPEN}][{_OPEN} \n]*\Z")


def last_boundary(text: str, is_quoted: bool, start: int = 0) -> int:
    """Return the end of the last boundary in `text[start:]`; 0 for none."""
    end = 0
    pattern = _QUOTED_BOUNDARY if is_quoted else _BOUNDARY
    for boundary in pattern.finditer(text, start):
        end = boundary.end()
    return end


def last_word_at(text: str) -> int:
    """Return where the last word starts; the length after a space."""
    return max(text.rfind(" "), text.rfind("\n")) + 1


def is_over(text: str, *, is_first: bool) -> bool:
    """Whether the last word of a text is over, by rules 4 and 5.

    Args:
        text: what has arrived, up to its very end.
        is_first: whether nothing of the request has left.
    """
    if text[-1:] not in _OVER_ENDS:
        return False
    start = last_word_at(text.rstrip(" !?؟"))
    return (
        _OVER.fullmatch(text, start) is not None
        or is_first
        and _OVER_AT_FIRST.fullmatch(text, start) is not None
    )


def without_repeated_marks(text: str) -> str:
    """Remove marks that go on with those at the end of what has left.

    A part that begins with them would be read by the vendor as a word of
    marks alone: `Wait.` + `..`, `"Sure!` + `"`.
    """
    return _MORE_MARKS.sub("", text, count=1)


def is_new_sentence(text: str, fragment: str) -> bool:
    """Whether a splitter has stripped the space between the two.

    True for a plain capitalised word after a plain word and `. ! ?`
    (`fox.` + `The dog`); never for `Node.` + `js` or `U.` + `S.`.
    """
    start = _SENTENCE_START.match(fragment)
    return (
        start is not None
        and start[0][:-1].istitle()
        and _PLAIN_SENTENCE_END.fullmatch(text, last_word_at(text)) is not None
    )


def whole_in_silence(text: str, *, is_open: bool, is_stalled: bool) -> int:
    """Return how much of a text is whole words, if nothing follows soon.

    Args:
        text: what has arrived, up to an open tag or link.
        is_open: whether there is one.
        is_stalled: whether the silence is a long one; see
            `TextAssembler.flush_stalled()`.
    """
    number = None if is_stalled else _NUMBER_AND_SIGN.search(text)
    if number and not _ENDED.search(text):
        text = text[: number.start()]
    end, start = len(text), last_word_at(text)
    if start < end and (is_open or not is_whole(text[start:], is_stalled)):
        end = start
    return len(_LONE_OPENING.sub("", text[:end]))


def is_whole(word: str, is_stalled: bool) -> bool:
    """Whether a silence after a word shows that it does not go on."""
    # Vowel signs and accents are a part of the letter before them.
    letters = "".join(
        "a" if unicodedata.category(char)[0] == "M" else char for char in word
    )
    if not _ENDED.search(letters):
        return is_stalled and _CAN_END.search(letters) is not None
    if is_stalled and _SENTENCE_END.search(letters):
        return True
    may_go_on = (_NUMBER, _INITIAL, _ADDRESS, _ABBREVIATION)
    return not any(pattern.search(letters) for pattern in may_go_on)


def hard_cut(text: str, cut: int) -> int:
    """Return where to cut an endless word, at most `cut`.

    Never between a letter and its accents or vowel signs, nor at a joiner,
    unless there are more of them than any letter has.
    """
    for at in range(cut, cut - _MAX_ACCENTS, -1):
        char, before = text[at : at + 1], text[at - 1]
        is_accent = char != "" and unicodedata.category(char)[0] == "M"
        if not is_accent and "\u200d" not in (char, before):
            return at
    return cut
