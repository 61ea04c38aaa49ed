# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Reads the record of the first installer, which knew whole files only.

It held for each file the digest of what was put there and, in base64, all that
was there before. What it says is turned into elements once; then it goes.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from .checkout import EXTENSIONS, Checkout
from .edits import Edit, InstallError, digest, splice
from .graph_form import graph_name
from .record import Before, Put, Record

_NAME = ".installed.json"


def path_of(name: str) -> Path:
    """Say where the record of an extension was."""
    return EXTENSIONS / name / _NAME


def load_old(
    checkout: Checkout, name: str, graph: dict[str, Any]
) -> tuple[Record, dict[str, bytes]] | None:
    """Read it; `None` if there is none.

    Args:
        checkout: the checkout.
        name: the extension's name.
        graph: what is taken for the graph that was put in, where the file was
            edited since.

    Returns:
        The record, and the contents of which it needs copies, by digest.

    Raises:
        InstallError: it cannot be understood.
    """
    content = checkout.read(path_of(name))
    if content is None:
        return None
    record, copies = Record(), dict[str, bytes]()
    committed = checkout.committed(EXTENSIONS / name)
    try:
        for text, entry in json.loads(content).items():
            path = Path(text).relative_to("ai_agents")
            encoded = entry["before"]
            old = None if encoded is None else base64.b64decode(encoded)
            put = entry["after"] and str(entry["after"])[:32]
            if path.is_relative_to(EXTENSIONS):
                before = None
                if old is not None:
                    before = _before(checkout, old, committed.get(path))
                    if before.blob is None:
                        copies[before.digest] = old
                record.files[path.as_posix()] = Put(put, before)
            elif old is not None:
                now = (checkout.read(path) or b"").decode()
                edit = _edit(name, path, now, old.decode(), put, graph)
                if edit is not None:
                    record.edits[path.as_posix()] = edit
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InstallError(
            f"{checkout.base / path_of(name)} cannot be read ({error!r});"
            " --force goes on without it"
        ) from None
    return record, copies


def _before(
    checkout: Checkout, old: bytes, committed: tuple[str, bool] | None
) -> Before:
    blob, is_executable = committed or (None, False)
    if blob is not None and checkout.blob(blob) != old:
        blob = None
    return Before(digest(old), blob, is_executable)


def _edit(
    name: str,
    path: Path,
    now: str,
    old: str,
    put: str | None,
    graph: dict[str, Any],
) -> Edit | None:
    """Make an edit of a file's content before it; `None` if it was none."""
    is_untouched = digest(now.encode()) == put
    undo = splice(now, old) if is_untouched else None
    after = str(put)
    if path.name == "manifest.json":
        dependency = {"path": f"../../../ten_packages/extension/{name}"}
        is_old = dependency in json.loads(old)["dependencies"]
        return None if is_old else Edit(dependency, after=after, undo=undo)
    earlier, present = (
        {graph_name(g): g for g in json.loads(t)["ten"]["predefined_graphs"]}
        for t in (old, now if is_untouched else old)
    )
    key = graph_name(graph)
    was = earlier.get(key)
    ours = present[key] if is_untouched else graph
    # That installer always put its own graph in the place of TEN's.
    return Edit(
        ours, was, tuple(earlier), after, undo, is_taken=was is not None
    )
