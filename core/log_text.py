# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What comes from outside, made fit for one line of a log or an error."""

from __future__ import annotations

# More of a line than this is of no use, and a flood of it fills a disk.
MAX_LINE_BYTES = 2048

_ELLIPSIS = "…"
# Whatever can begin a line, move the cursor or turn the reading direction,
# and the halves of surrogate pairs, which no UTF-8 holds.
_UNSAFE = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    0xFEFF,
    *range(0xD800, 0xE000),
)
_ESCAPES = {
    code: chr(code).encode("unicode_escape").decode("ascii") for code in _UNSAFE
}


def escaped(text: str) -> str:
    r"""Write control characters out: a newline becomes `\n`.

    A request id, a text or a vendor's reason can then neither begin a line
    of its own nor give orders to the terminal. Backslashes stay as they are.
    """
    # True of nearly every line, and told without looking at a table.
    return text if text.isprintable() else text.translate(_ESCAPES)


def shortened(text: str, max_bytes: int = MAX_LINE_BYTES) -> str:
    """Cut a text to so many bytes of UTF-8; an ellipsis shows the cut."""
    # No character takes more than four.
    if len(text) * 4 <= max_bytes:
        return text
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= max_bytes:
        return text
    room = max_bytes - len(_ELLIPSIS.encode())
    return encoded[:room].decode("utf-8", "ignore") + _ELLIPSIS


def ends_of(text: str, words: int = 3, max_characters: int = 40) -> str:
    """Name a text by its first and last words, or as a whole if it is short."""
    all_words = text.split()
    if len(text) <= 2 * max_characters and len(all_words) <= 2 * words:
        return text
    first = " ".join(all_words[:words])[:max_characters]
    last = " ".join(all_words[-words:])[-max_characters:]
    return f"{first} {_ELLIPSIS} {last}"
