# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The grammar of tags: what in a text is a tag, and what only looks like one.

Pure. Nothing else in the package decides what a tag is. A tag is

* the vendor's: `<flush>`, `<break time="1.5s" />`, in any spelling;
* an element of HTML or SSML, by its name, opened or closed, with well-formed
  attributes (`<b>`, `</p>`, `<say-as interpret-as="date">`).

Everything else between angle brackets is text: `std::vector<int>`,
`<- and ->`, `a < b and b > c`. An address in brackets (`<jo@x.org>`) loses
them. The vendor reads its own two tags and says it reads any other aloud, so
text never reaches it in a form that could be a tag: see
`separate_brackets()`.
"""

from __future__ import annotations

import re
from typing import Final

# Stands for the space inside a vendor tag until the tag leaves, so that no
# end of a word is seen there.
GLUE: Final = "\0"

_MAX_OPEN_CHARS: Final = 256  # a longer tag is not waited for
_BREAK_RANGE_S: Final = (0.1, 2.0)  # the vendor's limits of a break

# HTML's elements, with the obsolete ones that models still write.
_HTML: Final = """
a abbr acronym address area article aside audio b base bdi bdo big blink
blockquote body br button canvas caption center cite code col colgroup data
datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption
figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr
html i iframe img input ins kbd label legend li link main map mark marquee
math menu meta meter nav nobr noframes noscript object ol optgroup option
output p param picture pre progress q rp rt ruby s samp script search section
select slot small source span strike strong style sub summary sup svg table
tbody td template textarea tfoot th thead time title tr track tt u ul var
video wbr
"""
# SSML 1.1, and what the large clouds added to it.
_SSML: Final = """
speak lexicon lookup meta metadata p s token w say-as phoneme sub lang voice
emphasis break prosody audio mark desc
amazon:auto-breaths amazon:breath amazon:domain amazon:effect amazon:emotion
google:style mstts:backgroundaudio mstts:express-as mstts:silence
mstts:viseme
"""
ELEMENTS: Final = frozenset(f"flush {_HTML} {_SSML}".split())

_NAME = r"[A-Za-z][\w:.-]{0,30}"
_VALUE = r"(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+)"
_ATTRIBUTE = rf"[\s\0]+[\w:-]+[\s\0]*=[\s\0]*{_VALUE}"
_ADDRESS_IN_BRACKETS = (
    # Not after a word, nor with `::`: those are types, `List<java.util.Map>`.
    r"(?<!\w)<(?=[^\s<>]{0,200}(?:@|[^:]:(?!:)|\w\.\w))"
    r"(?P<address>[^\s<>]{1,200})>"
)
# What may be a tag, by its shape; its name decides (`_is_tag`).
_BRACKETS = re.compile(
    rf"<(?P<slash>/?)(?P<name>{_NAME})(?P<attributes>(?:{_ATTRIBUTE}){{0,8}})"
    rf"[\s\0]*/?>|{_ADDRESS_IN_BRACKETS}"
)
_ADDRESS = re.compile(_ADDRESS_IN_BRACKETS)
# What the next fragment may complete to a tag: one bracket and no space yet,
# or an element's name and whole attributes with a part of one more.
_OPEN = re.compile(
    r"<(?:/?(?:[A-Za-z][^\s<>]{0,200})?"
    rf"|/?(?P<name>{_NAME})(?:{_ATTRIBUTE}){{0,8}}(?:[\s\0]+[\w:-]+[\s\0]*"
    r"(?:=[\s\0]*(?:\"[^\"<>]*|'[^'<>]*)?)?)?[\s\0]*/?)\Z"
)
_BREAK_TIME = re.compile(r"time\s*=\s*[\"']?(\d{1,6}(?:\.\d{1,6})?)(m?s)\b")
# The vendor's tags in their legal form, the only one that leaves.
VENDOR_TAG: Final = re.compile(
    r"<flush>|<break[ \0]time=\"\d+(?:\.\d+)?s\"[ \0]/>"
)
# A bracket that a reader of tags would take for the start of one.
_LOOSE_BRACKET = re.compile(r"<(?!flush>|break\0time=)(?=[A-Za-z/!?])")


def replace_tags(text: str, *, allow_vendor: bool) -> str:
    """Put a space in the place of every tag, and bare addresses in theirs.

    Args:
        text: tags that are split over two calls are not seen.
        allow_vendor: keep the vendor's tags, in their legal form, a space
            on each side, `GLUE` inside, and times clamped to 0.1 to 2 s.
    """

    def replacement(brackets: re.Match[str]) -> str:
        if brackets["address"]:
            return brackets["address"]
        if not _is_tag(brackets):
            address = _ADDRESS.match(text, brackets.start())
            return address["address"] if address else brackets[0]
        return _legal_form(brackets) if allow_vendor else " "

    return _BRACKETS.sub(replacement, text)


def separate_brackets(text: str) -> str:
    """Put a space after each `<` that could be read as the start of a tag.

    `std::vector<int>` becomes `std::vector< int>`: spoken, and no tag for
    any reader. The vendor's tags from `replace_tags()` are left alone.
    """
    return _LOOSE_BRACKET.sub("< ", text)


def open_tag_at(text: str) -> int:
    """Return the index of a tag that is not closed yet, or the length."""
    at = text.rfind("<")
    if at < 0 or len(text) - at > _MAX_OPEN_CHARS:
        return len(text)
    tag = _OPEN.match(text, at)
    if tag is None or (tag["name"] and tag["name"].lower() not in ELEMENTS):
        return len(text)
    return at


def end_of_tag(text: str, at: int) -> int:
    """Return where the tag that starts at a place ends; else the place."""
    if not text.startswith("<", at):
        return at
    tag = _BRACKETS.match(text, at)
    return tag.end() if tag and tag["name"] and _is_tag(tag) else at


def _is_tag(brackets: re.Match[str]) -> bool:
    name, at = brackets["name"], brackets.start()
    before = brackets.string[max(at - 1, 0) : at]
    # `List<Object>` is a type, although `object` is an element, too.
    is_type = (
        (before.isalnum() or before == "_")
        and name[0].isupper()
        and not (brackets["slash"] or brackets["attributes"])
        and not name[1:].isupper()
    )
    is_vendors = name.lower() in ("flush", "break")
    return name.lower() in ELEMENTS and (is_vendors or not is_type)


def _legal_form(tag: re.Match[str]) -> str:
    """Return a vendor tag as the vendor wants it, or a space for another."""
    name = tag["name"].lower()
    if tag["slash"]:
        return " "
    if name == "flush" and not tag["attributes"]:
        return " <flush> "
    time = _BREAK_TIME.search(tag["attributes"].replace(GLUE, " "))
    if name != "break" or time is None:
        return " "
    time_s = float(time[1]) / (1000 if time[2] == "ms" else 1)
    time_s = min(max(time_s, _BREAK_RANGE_S[0]), _BREAK_RANGE_S[1])
    return f' <break{GLUE}time="{time_s:g}s"{GLUE}/> '
