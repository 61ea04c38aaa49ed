# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How the ledger takes what a session says, now or when it was kept."""

from __future__ import annotations

from .actions import Action
from .audio import to_pcm
from .completeness import hole_in
from .protocol import Audio, ServerMessage, Unreadable, Word
from .request import Ledger


def take(
    ledger: Ledger,
    message: ServerMessage,
    output_format: str,
    now: float,
    source: str,
) -> list[Action]:
    """Account for a message of the present session.

    Args:
        output_format: of its audio.
        now: seconds on the ledger's clock.
        source: names who said it.

    Returns:
        Actions in the order the graph must see them.

    Raises:
        SynthesisError: speech is missing before this audio.
    """
    if isinstance(message, Audio):
        pcm = to_pcm(message.chunk, output_format)
        actions = ledger.audio_received(
            pcm, now, message.start_s, message.stop_s
        )
        if hole := hole_in(ledger, source):
            raise hole
        return actions
    if isinstance(message, Word):
        return ledger.word_received(message)
    if isinstance(message, Unreadable):
        ledger.unreadable_received(is_audio=message.is_audio)
    return []
