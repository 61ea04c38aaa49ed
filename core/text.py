"""Text on its way to the vendor: whole words, clean, nothing held for long.

Pure: no I/O, no clock, no randomness.

The input comes in fragments. TEN's sentence splitter cuts after every
``, . ? ! :`` (ASCII and full-width), with or without the space that
follows, and a model's token may end anywhere. The vendor puts ONE space
between two messages and has no way to join them without it. So a message may
end only where a space does no harm, which is at a *boundary*:

1. whitespace before a word or an opening mark. A token without letter or
   digit (``?`` in French, ``-``, ``%``, an emoji) stays with the word
   before it, a lone opening mark (``«``) with the word after it;
2. whitespace after punctuation, and the end of a line, whatever follows;
3. after the punctuation of scripts without spaces (``。！？、，``), unless
   it stands between two digits;
4. after a comma that follows a plain word of two letters or more. Numbers
   (``$50,``), single letters and addresses are no plain words.

Rules 2 to 4 also hold at the very end of what has arrived, so ``Hello,`` and
``Hello world. `` leave at once. In any other case the last word waits for
the character after it: ``example.`` may go on with ``com``, ``3.`` with
``14``, ``Wait.`` with ``..``, ``Really?`` with ``!``. That is one word, and
the vendor withholds the newest words from its voice anyway. Once a quoting,
bracketing or emphasis mark has been seen, one that closes it may follow
any punctuation, so rules 2 to 4 then need to see the next character.

What waits is bounded: 1400 characters of one word, 256 of a tag or link
that is not closed. The caller ends every wait with `flush()`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_MESSAGE_CHARS: Final = 1400  # the vendor's smallest session cap is 1500
_MAX_OPEN_CHARS: Final = 256
_MAX_MARKS: Final = 64  # that wait for a word to go with
_UNDECIDED_CHARS: Final = 16  # a row of marks that may still end a word
_BREAK_RANGE_S: Final = (0.1, 2.0)

# Inside a tag, NUL stands for the space, so that no boundary is seen there.
_GLUE: Final = "\0"

# What is neither seen nor heard.
_SPACE = (
    r"\x00-\x09\x0b-\x1f\x7f-\x9f\u1680\u2000-\u2006\u2008-\u200a\u2028"
    r"\u2029\u205f\u3000"
)
_GONE = (
    r"\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f"
)
_UNTIDY = re.compile(rf"[{_SPACE}{_GONE}\u200c\u200d]|[ \n][ \n]")
_SPACES = re.compile(rf"[ {_SPACE}]+")
_LINE_ENDS = re.compile(r" ?\n[ \n]*")
_GAP = re.compile(r" {2,}")
_GAPS = re.compile(r"[ \n]{2,}|\n")
# Joiners shape Persian, Indic and emoji text; after ASCII they only hide.
_INVISIBLE = re.compile(rf"[{_GONE}]|(?<![^\x00-\x7f])[\u200c\u200d]")

# Boundaries: the rules 1 to 4 above.
_OPEN = "«‹“„‚‘(\\[{¿¡「『（【《〈"
_STOP = "。！？、，；：｡､।॥။၊។"  # of scripts without spaces, and Indic
_SENTENCE_ENDS = (".", "!", "?")
_CLOSE = "”’」』）】》〉"
_MARK = f".,!?;:…،؟؛۔>{_STOP}"
_BEFORE_WORD = (
    rf"(?<=\S)(?<!\s[{_OPEN}])(?<!\A[{_OPEN}])[ \n]+(?=[{_OPEN}]|[^\s\w]*\w)"
)
_LINE_END = r" ?\n[ \n]*"
_AFTER_STOP = (
    rf"(?!(?<=\d).\d)[{_STOP}][{_STOP}{_CLOSE}]{{0,8}}(?=[^\s{_STOP}{_CLOSE}])"
)
_BOUNDARY = re.compile(
    rf"{_BEFORE_WORD}|{_LINE_END}|{_AFTER_STOP}"
    rf"|(?<=[{_MARK}])[ \n]+|(?<!\d)[{_STOP}]\Z"
)
_QUOTED_BOUNDARY = re.compile(
    rf"{_BEFORE_WORD}|{_LINE_END}|{_AFTER_STOP}"
    r"|(?:(?<=<flush>)|(?<=\0/>))[ \n]+"
)
_QUOTING = re.compile(rf"[»›”*_~`{_OPEN}]|(?<![\w=])[\"']")
# Letters, two at least at the end: `fox`, `d'accord`, `it's`, `well-known`.
_PLAIN = r"(?:[^\W\d_]+['’-])*[^\W\d_]{2,}(?:['’][^\W\d_])?"
_WORD_AND_COMMA = re.compile(rf"{_PLAIN}[,،]")
_PLAIN_SENTENCE_END = re.compile(rf"{_PLAIN}[.!?]")
_SENTENCE_START = re.compile(r"[^\W\d_]+[\s,!?'’]")
# A fragment without any of these cannot complete the word before it; after
# marks, the next word may show that they are complete.
_DECISIVE = re.compile(rf"[\n>,،){_STOP}]|[{_MARK}] | \S")
_DECISIVE_AFTER_MARKS = re.compile(rf"[\s>,،){_STOP}\w{_OPEN}]")

# Tags. `<jo@x.org>` is an address in brackets, and `a <b and c>` no tag.
_TAG = re.compile(
    r"</?(?P<name>[A-Za-z][\w:.-]{0,30})"
    r"(?P<attributes>(?:[\s\0]+[\w:-]+[\s\0]*=[\s\0]*"
    r"(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+)){0,8})[\s\0]*/?>"
    r"|<(?=[^\s<>]{0,200}[@:.])(?P<address>[^\s<>]{1,200})>"
)
_BREAK_TIME = re.compile(r"time\s*=\s*[\"']?(\d{1,6}(?:\.\d{1,6})?)(m?s)\b")
_VENDOR_TAG = re.compile(r"<flush>|<break[\s\0]time=\"[\d.]+s\"[\s\0]/>")
_LOOSE_BRACKET = re.compile(r"<(?!flush>|break\0time=)(?=[A-Za-z/!?])")
_OPEN_TAG = re.compile(rf"<(?:[A-Za-z/][^<>]{{0,{_MAX_OPEN_CHARS}}})?\Z")

# Markdown.
_TARGET = r"\([^()\s]{0,256}(?:\([^()\s]{0,64}\)[^()\s]{0,256})?"
_LINK = re.compile(
    rf"!?\[([^\[\]]{{0,256}})\]{_TARGET}(?: \"[^\"\n]{{0,128}}\")?\)"
)
_OPEN_LINK = re.compile(
    rf"\[[^\[\]]{{0,{_MAX_OPEN_CHARS}}}"
    r"(?:\](?:\([^()]{0,256}(?:\([^()]{0,64}(?:\)[^()]{0,256})?)?)?)?\Z"
)
_LINE_MARKS = re.compile(
    r"\n *(?:```|~~~)[\w+-]* *(?=\n)"  # code fence with its language
    r"|\n *([-*_])(?: *\1){2,} *(?=\n|\Z)"  # rule
    r"|\n *(?:#{1,6} +|> ?|[-*+•] +)+"  # heading, quotation, bullet
)
_EMPHASIS = re.compile(
    r"(?P<url>(?<!\w)\w{1,16}://[^\s*`]*)|`+|~~"
    r"|(?<![\w*])\*+(?=[^\s*])|(?<=[^\s*])\*+(?![\w*])"
    r"|(?<=[^\W\d])\*\*(?=[^\W\d])"
    r"|(?<!\w)_+(?=[^\s_])|(?<=[^\s_])_+(?!\w)"
)

# Emoji, and what can be heard at all.
_KEYCAP = r"[0-9#*]\ufe0f?\u20e3"
_EMOJI = (
    rf"(?:(?:{_KEYCAP}|[\U0001f000-\U0001faff\u2600-\u2775\u2794-\u27bf"
    r"\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u2b05-\u2b07"
    r"\u2b1b\u2b1c\u2b50\u2b55]|[\xa9\xae\u203c\u2049\u2122\u2139"
    r"\u2194-\u21aa\u25aa-\u25fe\u2934\u2935\u3030\u303d\u3297\u3299]\ufe0f)"
    r"[\ufe0e\ufe0f\u200d]*)+"
)
_EMOJI_AND_NEXT = re.compile(rf" *{_EMOJI}(?P<next>\w?)")
_KEYCAPS = re.compile(_KEYCAP)
_HEARD = re.compile(r"[^\W_]")

_MAY_GO_ON = re.compile(r".*\d[.,:]|(?:.*\W)?[^\W\d_]\.|.*(?://|@|www\.).*")
_ENDED = re.compile(rf"(?:\s|[{_MARK}][\"'»)\]{_CLOSE}]{{0,4}})\Z")


class TextAssembler:
    """Turns the fragments of one request into messages for the vendor.

    Args:
        allow_tags: let the vendor's `<flush>` and `<break time="1.5s" />`
            through, in their legal form, times clamped to 0.1 to 2 s. All
            other tags are always removed, and theirs too when this is off.
        clean_markdown: remove emphasis, code, heading, quotation and bullet
            marks; `[text](target)` becomes its text. Numbered items stay.
        clean_emoji: remove emoji, flags and keycaps.
    """

    def __init__(
        self,
        *,
        allow_tags: bool = False,
        clean_markdown: bool = False,
        clean_emoji: bool = False,
    ) -> None:
        self._allows_tags = allow_tags
        self._cleans_markdown = clean_markdown
        self._cleans_emoji = clean_emoji
        self._held = ""
        self._settled = 0  # no boundary is left before this index of _held
        self._is_quoted = False
        self._has_spoken = False
        self._is_line_start = True

    @property
    def has_pending(self) -> bool:
        """Whether something that can be heard is held back."""
        return is_speakable(self._held)

    @property
    def is_cut_safe(self) -> bool:
        """Whether `flush()` and a vendor flush now would break no word or tag.

        After a silence a word that ends in punctuation counts as whole,
        except where a number, an initial or an address may go on.
        """
        if not self._held:
            return True
        if self._open_at() < len(self._held):
            return False
        has_ended = _ENDED.search(self._held[-8:]) is not None
        return has_ended and not _MAY_GO_ON.fullmatch(self._last_word())

    def push(self, fragment: str) -> list[str]:
        """Take the next fragment.

        Args:
            fragment: any string; it may be empty, or hold characters that
                cannot be encoded.

        Returns:
            The messages that are surely complete now, in order, stripped
            and never longer than MAX_MESSAGE_CHARS; [] when all is held.
        """
        last = self._held[-1:]
        if not fragment.isalnum() or last in _SENTENCE_ENDS:
            fragment = self._tidy(fragment, last)
        is_after_mark = last and not last.isalnum()
        may_complete = _DECISIVE_AFTER_MARKS if is_after_mark else _DECISIVE
        self._held += fragment
        if len(self._held) <= MAX_MESSAGE_CHARS and (
            may_complete.search(fragment) is None
        ):
            return []
        self._resolve(fragment)
        return self._take(self._complete())

    def flush(self) -> list[str]:
        """Give up the held rest: at the end of input, or after a silence.

        Returns:
            The messages; what cannot be heard is dropped. Fragments pushed
            later begin a new word.
        """
        messages = self._messages(self._held)
        self._held, self._settled = "", 0
        return messages

    def _tidy(self, fragment: str, last: str) -> str:
        """Remove what is neither seen nor heard; restore a lost space."""
        if _UNTIDY.search(fragment):
            context = "é" if last > "\x7f" else "e"
            fragment = _INVISIBLE.sub("", context + fragment)[1:]
            fragment = _LINE_ENDS.sub("\n", _SPACES.sub(" ", fragment))
        if last in ("", " ", "\n"):
            fragment = fragment.lstrip(" \n" if last == "\n" else " ")
        if last in _SENTENCE_ENDS and self._is_new_sentence(fragment):
            fragment = " " + fragment
        if not self._is_quoted:
            self._is_quoted = bool(_QUOTING.search(last + fragment, len(last)))
        return fragment

    def _is_new_sentence(self, fragment: str) -> bool:
        """Whether a splitter has stripped the space before this fragment.

        True for a plain capitalised word after a plain word and `. ! ?`
        (`fox.` + `The dog`); never for `Node.` + `js` or `U.` + `S.`.
        """
        start = _SENTENCE_START.match(fragment)
        return (
            start is not None
            and start[0][:-1].istitle()
            and _PLAIN_SENTENCE_END.fullmatch(self._last_word()) is not None
        )

    def _last_word(self) -> str:
        start = max(self._held.rfind(" "), self._held.rfind("\n")) + 1
        return self._held[start:]

    def _resolve(self, fragment: str) -> None:
        """Rewrite the tags and links that this fragment has closed."""
        before = self._held
        if ">" in fragment:
            self._held = _GAP.sub(" ", _TAG.sub(self._tag, self._held))
        if self._cleans_markdown and ")" in fragment:
            self._held = _LINK.sub(r"\1", self._held)
        if self._held != before:
            self._settled = 0

    def _open_at(self) -> int:
        """The index of a tag or link not yet closed, or the length."""
        at = self._held.rfind("<")
        if at >= 0 and _OPEN_TAG.match(self._held, at):
            return at
        at = self._held.rfind("[") if self._cleans_markdown else -1
        if at >= 0 and _OPEN_LINK.match(self._held, at):
            return at - (self._held[at - 1 : at] == "!")
        return len(self._held)

    def _complete(self) -> int:
        """The length of the part of `_held` that may leave now."""
        end = self._open_at()
        held = self._held[:end]
        if (
            not self._is_quoted
            and end == len(self._held)
            and held.endswith((",", "،"))
            and _WORD_AND_COMMA.fullmatch(self._last_word())
        ):
            return end
        cut = _last_boundary(held, self._is_quoted, self._settled)
        gap = max(held.rfind(" "), held.rfind("\n"), 0)
        self._settled = max(
            len(held[:gap].rstrip(" \n")), len(held) - _UNDECIDED_CHARS
        )
        too_long = (len(held) - cut) // MAX_MESSAGE_CHARS * MAX_MESSAGE_CHARS
        return _hard_cut(held, cut + too_long) if too_long else cut

    def _take(self, cut: int) -> list[str]:
        """Let `_held[:cut]` leave, unless nothing of it can be heard."""
        part = self._held[:cut]
        if not cut or (cut <= _MAX_MARKS and not self._may_leave(part)):
            return []
        self._held = self._held[cut:]
        self._settled = max(self._settled - cut, 0)
        return self._messages(part)

    def _may_leave(self, text: str) -> bool:
        return is_speakable(text) or (
            self._has_spoken and _VENDOR_TAG.search(text) is not None
        )

    def _messages(self, text: str) -> list[str]:
        """Clean a complete part and cut it to the vendor's size."""
        rest = self._clean(text)
        messages = []
        while rest:
            cut = len(rest)
            if cut > MAX_MESSAGE_CHARS:
                window = rest[:MAX_MESSAGE_CHARS]
                cut = _last_boundary(window, self._is_quoted)
                cut = cut or _hard_cut(rest, MAX_MESSAGE_CHARS)
            message = rest[:cut].strip()
            rest = rest[cut:]
            if self._may_leave(message):
                self._has_spoken = True
                messages.append(message.replace(_GLUE, " "))
        return messages

    def _clean(self, text: str) -> str:
        """Apply the options; tags last, as the others may uncover one."""
        is_line_start = self._is_line_start
        self._is_line_start = text.endswith("\n")
        if self._cleans_emoji and not text.isascii():
            text = _EMOJI_AND_NEXT.sub(_without_emoji, text)
        if self._cleans_markdown:
            if is_line_start or "\n" in text:
                text = _LINE_MARKS.sub("\n", "\n" * is_line_start + text)
            text = _EMPHASIS.sub(lambda mark: mark["url"] or "", text)
        if "<" in text:
            text = _TAG.sub(self._tag, text)
            text = _LOOSE_BRACKET.sub("< ", text)
        return _GAPS.sub(" ", text).strip()

    def _tag(self, tag: re.Match[str]) -> str:
        """What stands in a tag's place: itself in legal form, or a space."""
        if tag["address"]:
            return tag["address"]
        name = tag["name"].lower()
        if not self._allows_tags or tag[0].startswith("</"):
            return " "
        if name == "flush" and not tag["attributes"]:
            return " <flush> "
        time = _BREAK_TIME.search(tag["attributes"].replace(_GLUE, " "))
        if name != "break" or time is None:
            return " "
        time_s = float(time[1]) / (1000 if time[2] == "ms" else 1)
        time_s = min(max(time_s, _BREAK_RANGE_S[0]), _BREAK_RANGE_S[1])
        return f' <break{_GLUE}time="{time_s:g}s"{_GLUE}/> '


def is_speakable(text: str) -> bool:
    """Whether anything of the text would be heard.

    False for blank text, punctuation, symbols, emoji, and tags alone.
    """
    if "<" in text:
        text = _TAG.sub(r" \g<address> ", text)
    if "\u20e3" in text:
        text = _KEYCAPS.sub(" ", text)
    return _HEARD.search(text) is not None


def split_words(text: str) -> list[str]:
    """The words the vendor will time: split at whitespace, without tags."""
    return _VENDOR_TAG.sub(" ", text).split()


def _without_emoji(emoji: re.Match[str]) -> str:
    return f" {emoji['next']}" if emoji["next"] else ""


def _last_boundary(text: str, is_quoted: bool, start: int = 0) -> int:
    """The end of the last boundary in `text[start:]`; 0 if there is none."""
    end = 0
    pattern = _QUOTED_BOUNDARY if is_quoted else _BOUNDARY
    for boundary in pattern.finditer(text, start):
        end = boundary.end()
    return end


def _hard_cut(text: str, cut: int) -> int:
    """Where to cut an endless word: never before a mark that belongs to it."""
    for at in range(cut, cut - 32, -1):
        is_mark = unicodedata.category(text[at : at + 1] or " ")[0] == "M"
        if not is_mark and text[at - 1] != "\u200d":
            return at
    return cut
