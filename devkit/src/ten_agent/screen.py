# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the console shows: lines, and what the agent says while it is heard.

Extensions of any thread use it; there is one console, so there is one of it.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples
from prompt_toolkit.formatted_text import to_formatted_text as formatted
from prompt_toolkit.patch_stdout import patch_stdout

AGENT, YOU = "agent  ", "you    "
_BOLD, _DIM, _STRUCK, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[9;31m", "\x1b[0m"


class Screen:
    """The console, a terminal or not."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._lock = threading.Lock()
        self._live: list[str] = []
        self._is_speaking = False
        self._prompt: PromptSession[str] | None = None

    async def ask(self) -> str:
        """Return the next line that the user types.

        Raises:
            EOFError: there will be none.
            KeyboardInterrupt: the user wants to leave.
        """
        if self._prompt is None:
            self._prompt = PromptSession(self._message, erase_when_done=True)
        with patch_stdout(raw=True):
            return await self._prompt.prompt_async()

    def line(self, text: str) -> None:
        """Show a line."""
        with self._lock:
            if self._live and self._prompt is None:
                sys.stdout.write("\n")
                self._live.clear()
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """Show a line that nobody said."""
        self.line(self._styled(_DIM, text))

    def user(self, text: str) -> None:
        """Show what the user said."""
        self.line(self._styled(_BOLD, f"{YOU}{text}"))

    def word(self, text: str) -> None:
        """A word of the agent's was heard."""
        with self._lock:
            is_first = not self._is_speaking
            self._is_speaking = True
            self._live.append(text)
            if self._prompt is not None:
                self._prompt.app.invalidate()
                return
            sys.stdout.write(f"{AGENT if is_first else ' '}{text}")
            sys.stdout.flush()

    def over(self, cut: str) -> None:
        """The agent is silent; this much of its text was not heard."""
        if not self._is_speaking and not cut:
            return
        struck = self._styled(_STRUCK, cut) if cut else ""
        if cut and not self._is_terminal:
            struck = f"~~{cut}~~"
        with self._lock:
            heard = " ".join(self._live)
            self._live.clear()
            is_begun, self._is_speaking = self._is_speaking, False
            if self._prompt is not None or not is_begun:
                heard = f"{AGENT}{heard}"
            else:
                heard = ""  # it stands there already
            gap = " " if struck else ""
            sys.stdout.write(f"{heard}{gap}{struck}\n")
            sys.stdout.flush()

    def _message(self) -> StyleAndTextTuples:
        """The prompt, below what the agent is just saying."""
        live = " ".join(self._live)
        above = f"{AGENT}{live}\n" if self._is_speaking else ""
        return formatted(ANSI(f"{above}{_BOLD}{YOU.strip()} › {_PLAIN}"))

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self._is_terminal else text


_screen: Any = None


def the_screen() -> Screen:
    """Return the console's only one."""
    global _screen
    _screen = _screen or Screen()
    return _screen  # type: ignore[no-any-return]
