# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Cuts a reply down to what was heard of it; needs nothing but Python.

An LLM whose reply was interrupted believes that it said everything, unless
its context says otherwise. `tts_heard` tells what the listener heard.
"""

from __future__ import annotations


def heard_part(reply: str, heard_text: str) -> str:
    """Return the part of a reply that was heard, as the LLM wrote it.

    Between the LLM and the TTS a splitter may drop spaces and marks, so the
    two are compared by their letters and digits.

    Args:
        heard_text: of `tts_heard`, what the TTS was given of this reply.
    """
    left = sum(map(str.isalnum, heard_text))
    if not left:
        return ""
    end = 0
    while end < len(reply) and left:
        left -= reply[end].isalnum()
        end += 1
    # Marks belong to the word before them.
    while end < len(reply) and not (
        reply[end].isalnum() or reply[end].isspace()
    ):
        end += 1
    return reply[:end]


def trim(
    messages: list[dict[str, str]], reply: dict[str, str], heard_text: str
) -> None:
    """Leave of a reply in a context what was heard; nothing, if nothing was.

    Args:
        messages: the context, of which `reply` is one.
    """
    reply["content"] = heard_part(reply["content"], heard_text)
    if not reply["content"]:
        messages[:] = [message for message in messages if message is not reply]
