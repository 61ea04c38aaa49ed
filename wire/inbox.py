# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What an LLM writes, on its way into the script; silence counts, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..core.script import Script
from ..core.text import TextAssembler

# After so many silences a word without an ending counts as whole.
UNFINISHED_WORD_SILENCES = 2


class Inbox:
    """Takes fragments, and waits for what their last word may go on with."""

    def __init__(
        self, script: Script, assembler: TextAssembler, silence_s: float
    ) -> None:
        """Begin without any text.

        Args:
            script: gets the messages.
            assembler: makes them of fragments.
            silence_s: after how long without a fragment what is surely whole
                is to be spoken; 0 is never.
        """
        self._script = script
        self._assembler = assembler
        self._silence_s = silence_s
        self._timer: asyncio.TimerHandle | None = None
        self._has_news = asyncio.Event()

    @property
    def is_holding(self) -> bool:
        """Whether something that can be heard waits for what follows it."""
        return self._assembler.is_holding

    def push_fragment(self, fragment: str) -> None:
        """Take the next fragment."""
        self._stop_timer()
        self._script.written.append(fragment)
        self._push(self._assembler.push(fragment))
        self._start_timer(1, self._speak_what_is_whole)

    def end_input(self) -> None:
        """Note that no more text comes."""
        self.settle()
        self._script.end_input()
        self._has_news.set()

    def settle(self) -> None:
        """Wait for nothing more: what was held back is in the script then."""
        self._stop_timer()
        self._push(self._assembler.flush())

    async def wait_for_news(self) -> None:
        """Return when something was pushed, or the input ended.

        Many may wait; each must look at the script before and after.
        """
        self._has_news.clear()
        await self._has_news.wait()

    def _push(self, messages: list[str]) -> None:
        for message in messages:
            self._script.push(message)
        self._has_news.set()

    def _speak_what_is_whole(self) -> None:
        """Let what is surely whole be spoken while the LLM thinks."""
        self._push(self._assembler.flush_idle())
        self._script.push_flush()
        if self._assembler.is_holding:
            self._start_timer(
                UNFINISHED_WORD_SILENCES - 1, self._speak_unfinished_word
            )

    def _speak_unfinished_word(self) -> None:
        """Take the last word for whole: nothing has come to go on with it."""
        self._push(self._assembler.flush_stalled())
        self._script.push_flush()

    def _start_timer(
        self, silences: float, on_silence: Callable[[], None]
    ) -> None:
        if self._silence_s:
            self._timer = asyncio.get_running_loop().call_later(
                silences * self._silence_s, on_silence
            )

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
