# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a model thinks before it answers: left out, however it is cut.

Pure. A thought stands between `<think>` and `</think>`, or another of the
names below, in any case, with or without attributes; Mistral's models write
`[THINK]` and `[/THINK]`. It ends at the tag of its own name only, as a model
may well write about the others, and lasts to the end of the text if that
never comes. A `</think>` alone, whose beginning was part of the prompt, is
left out; what came before it has been spoken by then. A name after a backtick
(`` `<think>` ``) is spoken about, and starts no thought.
"""

from __future__ import annotations

import re
from typing import Final

NAMES: Final = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "antthinking",
    "reason",
    "reasoning",
    "reflection",
    "scratchpad",
    "inner_monologue",
    "internal_monologue",
    "chain_of_thought",
)
_MAX_OPEN_CHARS: Final = 256  # a longer tag is not waited for

_ANY_NAME = "|".join(sorted(NAMES, key=len, reverse=True))
_TAG = re.compile(
    rf"(?<!`)(?:<(?P<slash>/?)(?P<name>(?i:{_ANY_NAME}))(?:\s[^<>]{{0,200}}?)?"
    r"(?P<empty>/?)>|\[(?P<close>/?)THINK\])"
)
# What the next fragment may complete to a tag, if its name is one of ours or
# the beginning of one.
_OPEN = re.compile(
    r"</?(?P<name>\w{0,20})(?P<rest>\s[^<>]{0,200}|/)?\Z"
    r"|\[/?(?:T(?:H(?:I(?:NK?)?)?)?)?\Z"
)


class ThoughtFilter:
    """Leaves the thoughts of one text out."""

    def __init__(self) -> None:
        self._waiting = ""
        self._last = ""  # the character before what waits
        self._end: re.Pattern[str] | None = None  # of the thought

    def push(self, fragment: str) -> str:
        """Take the next fragment; return what of the text is no thought.

        A space comes in the place of each thought.
        """
        is_idle = not self._waiting and self._end is None
        if is_idle and "<" not in fragment and "[" not in fragment:
            self._last = fragment[-1:] or self._last
            return fragment
        at = len(self._last)
        text = self._last + self._waiting + fragment
        kept: list[str] = []
        while tag := (self._end or _TAG).search(text, at):
            if self._end is None:
                kept += [text[at : tag.start()], " "]
                self._end = _end_of(tag)
            else:
                self._end = None
            at = tag.end()
        open_at = self._open_at(text, at)
        if self._end is None:
            kept.append(text[at:open_at])
        self._last = text[open_at - 1 : open_at] if open_at else ""
        self._waiting = text[open_at:]
        return "".join(kept)

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        held = "" if self._end else self._waiting
        tag = _OPEN.match(held)
        self._waiting, self._last, self._end = "", "", None
        is_name = tag and tag["name"] and tag["name"].lower() in NAMES
        return "" if is_name else held

    def _open_at(self, text: str, start: int) -> int:
        """The index of a tag that is not closed yet, or the length."""
        at = max(text.rfind("<", start), text.rfind("[", start))
        is_quoted = self._end is None and text[at - 1 : at] == "`"
        if at < 0 or is_quoted or len(text) - at > _MAX_OPEN_CHARS:
            return len(text)
        tag = _OPEN.match(text, at)
        return at if tag and _may_be_ours(tag) else len(text)


def _end_of(tag: re.Match[str]) -> re.Pattern[str] | None:
    """The end of the thought that a tag begins; none for one that ends."""
    if tag["slash"] or tag["empty"] or tag["close"]:
        return None
    if tag["name"] is None:
        return _MISTRALS_END
    return _ENDS[tag["name"].lower()]


def _may_be_ours(tag: re.Match[str]) -> bool:
    name = (tag["name"] or "").lower()
    if tag["rest"]:
        return name in NAMES
    return any(ours.startswith(name) for ours in NAMES)


_MISTRALS_END = re.compile(r"\[/THINK\]")
_ENDS = {
    name: re.compile(rf"</{name}\s{{0,8}}>", re.IGNORECASE) for name in NAMES
}
