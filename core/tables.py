# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Tables in Markdown: their cells are spoken, their lines are not.

Pure. A line that starts with a pipe, or has one between two spaces, is a row.
A comma parts its cells, and a full stop ends it, so that it is heard as one;
the row of dashes under the head is left out.
"""

from __future__ import annotations

import re

_DASHES = re.compile(r"[ |:]*-[ |:-]*")
_PIPE = re.compile(r"(?<!\\)\|")
_LONE_PIPE = re.compile(r"(?<= )\|(?= |\Z)")
_MARKS = ".,!?;:…。，！？；："


def without_pipes(text: str, *, is_row: bool) -> tuple[str, bool]:
    """Put commas and full stops in the place of a table's lines.

    Args:
        text: whole words; its first line may have begun in an earlier part.
        is_row: whether that earlier part was in a row; false if the text
            begins with a line of its own.

    Returns:
        The text, and whether its last line is a row that may go on.
    """
    if not is_row and "|" not in text:
        return text, False
    first, *others = text.split("\n")
    lines = []
    for index, line in enumerate([first, *others]):
        is_row = (is_row and index == 0) or _is_row(line)
        is_over = index < len(others)
        lines.append(_spoken(line, is_over=is_over) if is_row else line)
    return "\n".join(lines), is_row


def _is_row(line: str) -> bool:
    return line.startswith("|") or _LONE_PIPE.search(line) is not None


def _spoken(row: str, *, is_over: bool) -> str:
    """The cells of a row, or of a part of one."""
    if "|" in row and _DASHES.fullmatch(row):
        return ""
    *cells, last = (cell.strip() for cell in _PIPE.split(row))
    spoken = [_ended(cell, ",") for cell in cells if cell]
    if last:
        spoken.append(_ended(last, ".") if is_over else last)
    elif is_over and spoken:
        spoken[-1] = _ended(spoken[-1].rstrip(","), ".")
    return " ".join(spoken).replace("\\|", "|")


def _ended(cell: str, mark: str) -> str:
    return cell if cell[-1] in _MARKS else cell + mark
