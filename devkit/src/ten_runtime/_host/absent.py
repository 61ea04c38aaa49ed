# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the stand-ins lack, said in one sentence wherever it is asked for.

A name of TEN that is not here must look neither like an extension that hangs
nor like a slip of its author.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Callable, Collection, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

RUNTIME = "TEN 0.11"
"""What this package stands for."""


def missing_text(package: str, name: str, has_it: str | None) -> str:
    """Return the sentence.

    Args:
        has_it: what is known to have `name`; None where nothing is.
    """
    sentence = f"{package} stand-in has no {name}"
    if has_it is not None:
        return f"{sentence} ({has_it} has it)"
    return f"{sentence}, nor is it known that TEN has it"


def module_getattr(
    package: str, known: Collection[str] = (), has_it: str = RUNTIME
) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package, for names that are not there.

    It raises ImportError, as only that shows in `from package import name`;
    and AttributeError for what Python's own tools look for.
    """

    def absent(name: str) -> NoReturn:
        text = missing_text(package, name, has_it if name in known else None)
        if name.startswith("_"):
            raise AttributeError(text, name=name)
        raise ImportError(text, name=package)

    return absent


class MissingModules(importlib.abc.MetaPathFinder):
    """Is asked last, and refuses the sub-modules that a package lacks."""

    def __init__(
        self, package: str, known: Collection[str] = (), has_it: str = RUNTIME
    ) -> None:
        self._package = package
        self._known = known
        self._has_it = has_it

    def install(self) -> None:
        sys.meta_path.append(self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        package, dot, name = fullname.partition(".")
        if package != self._package or not dot or name.startswith("_"):
            return None
        has_it = self._has_it if name in self._known else None
        text = missing_text(package, f"module {name}", has_it)
        raise ModuleNotFoundError(text, name=fullname)


class Complete:
    """Base of a class of TEN's, of which methods may be missing here."""

    # Hidden from type checkers, which would take every name for one.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            kinds = (k for k in type(self).__mro__ if _is_public(k))
            owner = next(kinds, type(self)).__name__
            text = missing_text("ten_runtime", f"{owner}.{name}", None)
            raise AttributeError(text, name=name, obj=self)


def _is_public(kind: type) -> bool:
    module = kind.__module__
    return module.startswith("ten_runtime.") and "._host" not in module


class CannotBeSent(NotImplementedError):
    """A command that only TEN's own app carries out."""

    def __init__(self, kind: str) -> None:
        text = f"app that carries out a {kind}"
        super().__init__(missing_text("ten_runtime", text, RUNTIME))
