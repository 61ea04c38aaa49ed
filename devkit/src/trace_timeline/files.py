# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A timeline as a file: a picture, or a page that stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .marks import Mark

PAGE = ".html"
SUFFIXES = (".png", ".svg", ".pdf", PAGE)


class SuffixError(Exception):
    """No picture can have this name; one sentence says so."""


def check_suffix(path: Path) -> None:
    """See whether a picture of this name can be written.

    Raises:
        SuffixError: it cannot.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SuffixError(
            f"cannot write {path}: it must end in one of {', '.join(SUFFIXES)}"
        )


def write(marks: Sequence[Mark], path: Path, title: str) -> None:
    """Write the picture, in the format of its file's ending.

    Raises:
        OSError: it cannot be written.
    """
    if path.suffix.lower() == PAGE:
        from .page import page_of

        path.write_text(page_of(marks, title), "utf-8")
    else:
        from .picture import draw

        draw(marks, path)
