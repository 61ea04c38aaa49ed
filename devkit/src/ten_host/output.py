# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The files that a command writes: seen beforehand whether they can be."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trace_timeline import marks_of
from trace_timeline.files import PAGE, SuffixError, check_suffix, write


class OutputError(Exception):
    """A file cannot be written; one sentence says why."""


def check_writable(path: Path) -> None:
    """See whether a file can be written.

    Raises:
        OutputError: it cannot.
    """
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {folder}")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    target = path if path.exists() else folder
    if not os.access(target, os.W_OK):
        raise OutputError(f"cannot write {path}: permission denied")


def check_wav(path: Path) -> None:
    """See whether a sound can be written.

    Raises:
        OutputError: it cannot.
    """
    if path.suffix.lower() != ".wav" and not path.is_dir():
        raise OutputError(
            f"cannot write {path}: the sound is WAV; name a file that ends in"
            " .wav"
        )
    check_writable(path)


def check_picture(path: Path) -> None:
    """See whether a timeline can be drawn and written.

    Raises:
        OutputError: it cannot.
    """
    try:
        check_suffix(path)
    except SuffixError as error:
        raise OutputError(str(error)) from None
    is_page = path.suffix.lower() == PAGE
    if not is_page and importlib.util.find_spec("matplotlib") is None:
        raise OutputError(
            f"cannot draw {path}: pip install 'ten-extension-devkit[plot]', or"
            f" name a page, which ends in {PAGE}"
        )
    check_writable(path)


def draw(path: Path, lines: Sequence[Mapping[str, Any]], title: str) -> None:
    """Draw the timeline of a run.

    Args:
        lines: of the extension's own trace, or what the host saw.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        write(marks_of(lines), path, title)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot draw {path}: {error}") from error
