# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of what is said for what is written."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from ..core.replacements import replacements_of
from ..core.spoken_form import TextOptions
from .fields import Settings, refuse


def _cleaned(what: str) -> Any:
    return Field(True, description=what)


class TextSettings(Settings):
    """How the text of an LLM is said."""

    idle_flush_ms: int = Field(
        500,
        ge=0,
        le=60000,
        description="after how long a silence of the LLM the whole words held"
        " back are spoken; an unfinished one waits twice as long; 0 is never",
    )
    allow_tags: bool = Field(
        False,
        description='whether `<flush>` and `<break time="1s" />` in the text'
        " reach the vendor; else they are removed",
    )
    clean_thoughts: bool = _cleaned(
        "whether `<think>…</think>` and its like are left out"
    )
    clean_code: bool = _cleaned("whether blocks of code are left out")
    clean_markdown: bool = _cleaned("whether markdown marks are left out")
    clean_tables: bool = _cleaned(
        "whether the cells of a table are said without its lines"
    )
    clean_urls: bool = _cleaned(
        "whether `https://example.com/a?b=c` is said as `example.com`"
    )
    clean_emoji: bool = _cleaned("whether emoji are left out")
    replacements: dict[str, Any] | list[Any] = Field(
        {},
        description='words that are said otherwise: `{"SQL": "sequel"}`, or'
        ' `[{"from": "SQL", "to": "sequel", "ignore_case": true}]`',
    )

    @field_validator("replacements", mode="before")
    @classmethod
    def _check_replacements(cls, value: Any) -> Any:
        try:
            replacements_of(value)
        except ValueError as error:
            refuse(str(error), "hidden")
        return value

    def text_options(self) -> TextOptions:
        """Return what is done with the text of a request."""
        return TextOptions(
            allow_tags=self.allow_tags,
            clean_thoughts=self.clean_thoughts,
            clean_code=self.clean_code,
            clean_markdown=self.clean_markdown,
            clean_tables=self.clean_tables,
            clean_urls=self.clean_urls,
            clean_emoji=self.clean_emoji,
            replacements=replacements_of(self.replacements),
        )
