# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A dependency of an app's manifest, and blocks of lines in text files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from . import json_text
from .edits import Edit, Outcome, items_of
from .json_text import is_same

_WHERE = ("dependencies",)


class DependencyElement:
    """The line that makes an app have the extension.

    Args:
        name: the extension's name.
        path: where it is, seen from the app.
    """

    def __init__(self, name: str, path: str) -> None:
        self._name = name
        self._ours = {"path": path}

    def put_in(self, text: str, edit: Edit | None, force: bool) -> Outcome:
        """Append it, unless the app has it in one form or another."""
        found = [d for d in items_of(text, *_WHERE) if self._is_it(d)]
        if edit is not None and not found and not force:
            note = (
                f"kept your removal of the dependency {self._name}"
                " (--force puts it in again)"
            )
            return Outcome(text, edit, [note])
        if not found:
            text = json_text.append(text, _WHERE, self._ours)
            return Outcome(text, Edit(self._ours))
        if edit is None:
            return Outcome(text, None)
        notes = []
        if not any(is_same(d, edit.put) for d in found):
            notes.append(f"kept your form of the dependency {self._name}")
        return Outcome(text, edit, notes)

    def take_out(self, text: str, edit: Edit, force: bool) -> Outcome:
        """Take the line out, wherever it is now."""
        items = items_of(text, *_WHERE)
        found = [i for i, item in enumerate(items) if self._is_it(item)]
        ours = [i for i in found if force or is_same(items[i], edit.put)]
        for index in reversed(ours):
            text = json_text.remove(text, (*_WHERE, index))
        if len(ours) == len(found):
            return Outcome(text, None)
        note = f"left the dependency {self._name}: you changed it"
        return Outcome(text, edit, [note])

    def _is_it(self, dependency: Any) -> bool:
        if not isinstance(dependency, dict):
            return False
        path = str(dependency.get("path", ""))
        is_named = dependency.get("name") == self._name
        return is_named or PurePosixPath(path).name == self._name


class BlockElement:
    """A few lines at the end of a text file.

    Args:
        what: its name for the user.
        block: the lines, the first of which begins it.
        mark: tells its beginning, or that somebody wrote such lines before.
        end: tells what is no longer part of an edited block.
        is_value: whether an edit fills in a value, which `force` spares.
    """

    def __init__(
        self,
        what: str,
        block: str,
        mark: str,
        end: str,
        *,
        is_value: bool = False,
    ) -> None:
        self._what = what
        self._block = block.strip("\n") + "\n"
        self._mark = re.compile(mark, re.MULTILINE)
        self._end = re.compile(end, re.MULTILINE)
        self._is_value = is_value

    def put_in(self, text: str, edit: Edit | None, force: bool) -> Outcome:
        """Append it, or put a newer one in the place of what was put in."""
        if edit is None:
            if self._mark.search(text):
                return Outcome(text, None)
            return Outcome(self._appended(text), Edit(self._block))
        span = self._find(text, str(edit.put)) or self._find(text, self._block)
        mark = self._mark.search(text)
        if span is None and force and not (mark and self._is_value):
            span = self._edited_span(text)
            if span is None:
                return Outcome(self._appended(text), Edit(self._block))
        if span is None:
            was = "edit" if mark else "removal"
            way = "" if mark and self._is_value else " (--force takes ours)"
            return Outcome(
                text, edit, [f"kept your {was} of {self._what}{way}"]
            )
        start, stop = span
        text = text[:start] + self._in(text, self._block) + text[stop:]
        return Outcome(text, Edit(self._block))

    def take_out(self, text: str, edit: Edit, force: bool) -> Outcome:
        """Take it out wherever it is now, with the empty line before it."""
        span = self._find(text, str(edit.put))
        if span is None and force:
            span = self._edited_span(text)
        if span is None:
            if not self._mark.search(text):
                return Outcome(text, None)
            return Outcome(text, edit, [f"left {self._what}: you changed it"])
        before, after = text[: span[0]], text[span[1] :]
        blank = re.search(r"(?<=\n)\r?\n\Z", before)
        if blank and (not after or re.match(r"\r?\n", after)):
            before = before[: blank.start()]
        return Outcome(before + after, None)

    def _find(self, text: str, block: str) -> tuple[int, int] | None:
        lines = self._in(text, block).rstrip("\r\n")
        match = re.search(
            rf"^{re.escape(lines)}(?:\r?\n|\Z)", text, re.MULTILINE
        )
        return None if match is None else match.span()

    def _edited_span(self, text: str) -> tuple[int, int] | None:
        beginning = self._mark.search(text)
        if beginning is None:
            return None
        end = self._end.search(text, beginning.end())
        return beginning.start(), end.start() if end else len(text)

    def _appended(self, text: str) -> str:
        line_end = "\r\n" if "\r\n" in text else "\n"
        if text and not text.endswith("\n"):
            text += line_end
        if text and not text.endswith(line_end * 2):
            text += line_end
        return text + self._in(text, self._block)

    def _in(self, text: str, block: str) -> str:
        return block.replace("\n", "\r\n") if "\r\n" in text else block
