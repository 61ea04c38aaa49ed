# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""On Python 3.10 pytest-asyncio lends its context to whoever asks meanwhile.

Its runner there (`backports.asyncio.runner`) gives a task a context by
replacing `contextvars.copy_context` for a moment, and that for all threads. A
callback that an extension's thread makes in this moment gets the test's
context, too. Whichever of the two enters it second fails with "already
entered": the step of the task is lost, and the test waits for ever.
"""

from __future__ import annotations

import contextvars
import importlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

Patch = Callable[[Any, str, Any], AbstractContextManager[None]]


def keep_contexts_apart() -> None:
    """Have the replacement count for the thread that makes it; once."""
    try:
        runner: Any = importlib.import_module("backports.asyncio.runner.runner")
    except ImportError:  # Python 3.11 has a runner of its own
        return
    patch: Patch = runner._patch_object
    if getattr(patch, "keeps_contexts_apart", False):
        return

    def patch_here(
        target: Any, name: str, new: Any
    ) -> AbstractContextManager[None]:
        if target is contextvars:
            new = _only_here(new, getattr(target, name))
        return patch(target, name, new)

    patch_here.keeps_contexts_apart = True  # type: ignore[attr-defined]
    runner._patch_object = patch_here


def _only_here(
    new: Callable[[], contextvars.Context],
    original: Callable[[], contextvars.Context],
) -> Callable[[], contextvars.Context]:
    here = threading.get_ident()

    def copy_context() -> contextvars.Context:
        is_here = threading.get_ident() == here
        return new() if is_here else original()

    return copy_context
