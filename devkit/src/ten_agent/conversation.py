# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A conversation to play: what the user says, what the agent answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

GREETING = "Hello, I am your voice assistant. How can I help?"


class ConversationError(Exception):
    """The file is no conversation; one sentence says why."""


@dataclass(frozen=True)
class Turn:
    """One turn.

    Attributes:
        user: what the user says; nothing if they leave and come back, which
            the agent answers with its greeting.
        reply: what the agent answers.
        interrupt_after_s: the user speaks again once so much of the reply
            has been heard; `None` lets the agent finish.
    """

    user: str = ""
    reply: str = ""
    interrupt_after_s: float | None = None

    @property
    def is_return(self) -> bool:
        """Whether the user leaves and comes back."""
        return not self.user


@dataclass(frozen=True)
class Conversation:
    """A greeting and turns."""

    turns: tuple[Turn, ...]
    greeting: str = GREETING

    @classmethod
    def load(cls, path: Path) -> Conversation:
        """Read a JSON file: `{"greeting": …, "turns": [{"user": …}, …]}`.

        Raises:
            ConversationError: it cannot be read or is not of that form.
        """
        try:
            return cls.of(json.loads(path.read_text()))
        except OSError as error:
            raise ConversationError(f"{path}: {error.strerror}") from None
        except (TypeError, KeyError, ValueError) as error:
            raise ConversationError(
                f"{path} is no conversation: {error}"
            ) from None

    @classmethod
    def of(cls, tree: dict[str, Any]) -> Conversation:
        """Build it from the form that `tree` gives."""
        turns = tuple(Turn(**turn) for turn in tree["turns"])
        return cls(turns, tree.get("greeting", GREETING))

    def tree(self) -> dict[str, Any]:
        """Return it as JSON values, none of them null: TEN refuses those."""
        turns = [asdict(turn) for turn in self.turns]
        return {
            "greeting": self.greeting,
            "turns": [
                {k: v for k, v in turn.items() if v is not None}
                for turn in turns
            ],
        }
