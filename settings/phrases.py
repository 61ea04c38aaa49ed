# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of speech that is kept, to be said again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ..core.sentences import NO_NUL
from .fields import Settings, number, refuse


class PhraseSettings(Settings):
    """What is kept of what was said, where, and for how long."""

    phrases: Literal["off", "memory", "disk"] = Field(
        "off",
        description="where speech is kept of requests whose whole text comes"
        " in one message, to be said again without the vendor",
    )
    phrases_path: str = Field(
        "~/.cache/gradium_tts",
        pattern=NO_NUL,
        description="the folder in which `disk` has a folder of its own",
    )
    phrases_max_mb: int = Field(
        64,
        ge=1,
        le=1_000_000,
        description="how much is kept; the least recently used goes first",
    )
    phrases_ttl_h: float = number(
        168.0, 0, 1e6, "for how many hours a phrase is used; 0 is for ever"
    )
    preload: list[str] = Field(
        [],
        description="texts that are spoken ahead after the start, while no"
        " request runs, and only to be kept",
    )

    @model_validator(mode="after")
    def _check_preload(self) -> PhraseSettings:
        if self.preload and self.phrases == "off":
            refuse("preload needs phrases to be memory or disk, not off")
        return self
