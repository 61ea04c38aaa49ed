# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One element in a file of somebody else: put in, brought up to date, out.

What is noted of an element is small: what was put in, what stood in its place
before, and how to undo it to the byte as long as the file was not edited.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any, Protocol


class InstallError(Exception):
    """It cannot be done; one sentence for the user."""


@dataclass(frozen=True)
class Edit:
    """What is known about an element that was put in.

    Attributes:
        put: the element as it was put in.
        before: what stood in its place; `None` for nothing.
        others: names that stood beside it and are not it.
        after: the digest of the whole text afterwards.
        undo: a splice (start, stop, text) of that text that gives back what
            was there; `None` where edits came in between.
        is_taken: whether `force` put it in the place of what was there.
    """

    put: Any
    before: Any = None
    others: tuple[str, ...] = ()
    after: str = ""
    undo: tuple[int, int, str] | None = None
    is_taken: bool = False


@dataclass(frozen=True)
class Outcome:
    """A text with the element put in or taken out, and what to tell."""

    text: str
    edit: Edit | None
    notes: list[str] = field(default_factory=list)


class Element(Protocol):
    """Something that stands in a file of somebody else."""

    def put_in(self, text: str, edit: Edit | None, force: bool) -> Outcome:
        """Put it in, or bring it up to date.

        Raises:
            ValueError: the text is not what it should be.
        """

    def take_out(self, text: str, edit: Edit, force: bool) -> Outcome:
        """Take out what is still as it was put in.

        Raises:
            ValueError: the text is not what it should be.
        """


def put_in(
    element: Element, text: str, edit: Edit | None, force: bool
) -> Outcome:
    """Put an element in, so that it can be undone to the byte if possible."""
    original = text if edit is None else _undone(text, edit)
    if original is None:
        done = element.put_in(text, edit, force)
    else:
        is_taken = edit is not None and edit.is_taken
        done = element.put_in(original, None, force or is_taken)
    if done.edit is None:
        return done
    undo = None if original is None else splice(done.text, original)
    noted = replace(done.edit, after=digest(done.text.encode()), undo=undo)
    return replace(done, edit=noted)


def take_out(element: Element, text: str, edit: Edit, force: bool) -> Outcome:
    """Take an element out; to the byte if the file was not edited."""
    original = _undone(text, edit)
    if original is not None:
        return Outcome(original, None)
    done = element.take_out(text, edit, force)
    if done.edit is None:
        return done
    after = digest(done.text.encode())
    return replace(done, edit=replace(done.edit, after=after, undo=None))


def digest(content: bytes) -> str:
    """Tell one content from another."""
    return hashlib.sha256(content).hexdigest()[:32]


def items_of(text: str, *path: str) -> list[Any]:
    """Return the list at a path of a JSON text.

    Raises:
        ValueError: it is no JSON, or there is no such list.
    """
    value = json.loads(text)
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise ValueError(f"it has no list {'.'.join(path)}")
    return value


def splice(text: str, original: str) -> tuple[int, int, str]:
    """Return the one splice that makes `original` of `text`."""
    shorter = min(len(text), len(original))
    start = 0
    while start < shorter and text[start] == original[start]:
        start += 1
    tail = 0
    while tail < shorter - start and text[-1 - tail] == original[-1 - tail]:
        tail += 1
    return start, len(text) - tail, original[start : len(original) - tail]


def _undone(text: str, edit: Edit) -> str | None:
    if edit.undo is None or digest(text.encode()) != edit.after:
        return None
    start, stop, old = edit.undo
    return text[:start] + old + text[stop:]
