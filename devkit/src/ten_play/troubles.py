# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What can go wrong at a click.

`elsewhere` is what the first versions of other products do in the same
moment; it stems from their reviews and public issues.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble; lines perform it by its name.

    Attributes:
        does: what happens at the click.
        here: what this extension makes of it.
        elsewhere: what others do.
    """

    name: str
    title: str
    does: str
    here: str
    elsewhere: str

    def tree(self) -> dict[str, str]:
        """Return it as JSON values."""
        return asdict(self)


# Is no matter of the line, but of the settings.
WRONG_KEY = "wrong_key"

TROUBLES = (
    Trouble(
        "cut",
        "Cut the line",
        "Every connection is reset, in mid-sentence.",
        "goes on from the first word that was not heard",
        "the rest of the answer is lost, or all of it is said again",
    ),
    Trouble(
        "half_open",
        "Half-open",
        "The server vanishes without a word; the socket looks alive.",
        "asks for a sign of life, and goes on elsewhere after 2.5 s",
        "silence, until the system gives the connection up many minutes later",
    ),
    Trouble(
        "restart",
        "Restart the server",
        "It cannot be reached for 1.2 s.",
        "tries again, and goes on where it was",
        "one try, one error, and the turn is over",
    ),
    Trouble(
        "capacity",
        "No room",
        "The line breaks, and the next two sessions are one too many.",
        "waits its turn and tries again",
        "taken for a wrong key, and the agent stays silent for good",
    ),
    Trouble(
        "http_503",
        "503",
        "The line breaks, and the next two sockets are refused.",
        "tries again, a little later each time",
        "a loop of reconnects without a pause, or none at all",
    ),
    Trouble(
        WRONG_KEY,
        "Wrong key",
        "The next answer is asked for with a key that nobody knows.",
        "one FATAL event that says so, and no knocking for 30 s",
        "asked for again and again, or silence without a word",
    ),
    Trouble(
        "end_early",
        "End in mid-word",
        "The server says politely that all was said, in the middle of a word.",
        "counts what was spoken, and has the rest said",
        "believed: the sentence just ends",
    ),
    Trouble(
        "stall",
        "Stall",
        "No more audio, though the server is alive.",
        "knows what is owed, and goes on elsewhere after 5 s",
        "dead air without an error, or a timeout whenever the model thinks",
    ),
)

BY_NAME = {trouble.name: trouble for trouble in TROUBLES}
