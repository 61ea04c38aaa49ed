# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Whether the websocket library that is installed is new enough."""

from __future__ import annotations

import re

# As requirements.txt has it.
LEAST = (14, 1)


def check_library() -> None:
    """Say what to do where the library is missing or too old.

    An app's extensions share one environment: another one may have pinned it.

    Raises:
        ImportError: one sentence for the user.
    """
    fault = fault_of(_installed_version())
    if fault:
        raise ImportError(fault)


def fault_of(version: str | None) -> str:
    """Say what is wrong with a version, `None` for no library; empty if
    nothing is."""
    found = re.match(r"(\d+)\.(\d+)", version or "")
    if found and (int(found[1]), int(found[2])) >= LEAST:
        return ""
    least = ".".join(map(str, LEAST))
    there = "none" if version is None else version or "one without a version"
    return (
        f"gradium_tts_python needs websockets {least} or newer, and {there} is"
        f' installed: pip install "websockets>={least}"'
    )


def _installed_version() -> str | None:
    try:
        import websockets
    except ModuleNotFoundError:
        return None
    return str(getattr(websockets, "__version__", ""))
