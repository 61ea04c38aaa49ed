# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Blocks of code in Markdown: left out, however they are cut.

Pure. A block begins with a fence, three backticks or tildes or more, at the
start of a line, or after text if nothing but the name of a language follows
it (``Try this: ```python``). It ends with a line of as many of the same marks
and nothing else, or with the text. Everything else between backticks is code
within a sentence, which is spoken.
"""

from __future__ import annotations

import re
from typing import Final

_MOST_MARKS: Final = 64  # of a fence
_LANGUAGE = r" ?[\w+#.-]{0,32} ?"
_FENCE = re.compile(
    rf"(?<=\n)(?P<marks>`{{3,{_MOST_MARKS}}}|~{{3,{_MOST_MARKS}}})"
    r"(?![`~])[^`\n]{0,200}\n"
    rf"|(?<!`)(?P<late_marks>`{{3,{_MOST_MARKS}}}){_LANGUAGE}\n"
)
# What the next fragment may complete to a fence.
_OPEN_FENCE = re.compile(
    rf"(?<=\n)(?:`{{3,{_MOST_MARKS}}}|~{{3,{_MOST_MARKS}}})(?![`~])"
    r"[^`\n]{0,200}\Z"
    rf"|(?<=\n)~{{1,{_MOST_MARKS}}}\Z"
    rf"|(?<!`)(?:`{{1,{_MOST_MARKS}}}|`{{3,{_MOST_MARKS}}}{_LANGUAGE})\Z"
)
_QUOTATION = r"(?:> ?){0,4}"


class CodeBlockFilter:
    """Leaves the code blocks of one text out.

    The text has been through `without_invisible()`: no space stands after a
    line end.
    """

    def __init__(self) -> None:
        self._waiting = ""
        self._last = "\n"  # the character before what waits
        self._fence = ""  # that has begun the block

    def push(self, fragment: str) -> str:
        """Take the next fragment; return what of the text is in no block.

        The end of a line comes in the place of each block.
        """
        is_idle = not self._waiting and not self._fence
        if is_idle and "`" not in fragment and "~" not in fragment:
            self._last = fragment[-1:] or self._last
            return fragment
        at = len(self._last)
        text = self._last + self._waiting + fragment
        kept: list[str] = []
        while True:
            if self._fence:
                end = _end_of(self._fence).search(text, at)
                if end is None:
                    self._wait_for_end(text, at)
                    return "".join(kept)
                self._fence, at = "", end.end()
            fence = _FENCE.search(text, at)
            if fence is None:
                break
            kept += [text[at : fence.start()], "\n"]
            self._fence = fence["marks"] or fence["late_marks"]
            # The line end is the start of the first line of code.
            at = fence.end()
        open_fence = _OPEN_FENCE.search(text, at)
        open_at = open_fence.start() if open_fence else len(text)
        self._last, self._waiting = text[open_at - 1 : open_at], text[open_at:]
        return "".join([*kept, text[at:open_at]])

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        held = "" if self._fence else self._waiting
        self._waiting, self._last, self._fence = "", "\n", ""
        return held

    def _wait_for_end(self, text: str, start: int) -> None:
        """Forget the code, but for a last line that may be its end."""
        at = max(text.rfind("\n", start - 1) + 1, start)
        mark = self._fence[0]
        is_end = re.compile(rf"(?<=\n){_QUOTATION}{mark}{{0,80}} ?\Z")
        if not is_end.match(text, at):
            at = len(text)
        self._last, self._waiting = text[at - 1 : at], text[at:]


def _end_of(fence: str) -> re.Pattern[str]:
    mark, count = fence[0], len(fence)
    return re.compile(rf"(?<=\n){_QUOTATION}{mark}{{{count},80}} ?(?=\n)")
