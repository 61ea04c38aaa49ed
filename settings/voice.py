# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of the voice, and those of them that a request may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from ..core.languages import code_of
from ..core.protocol import VOICE_RANGES
from ..core.sentences import ConfigError, sentence
from ..core.setting_names import (
    EXCLUSIVE,
    VOICE_SETTINGS,
    fault_of_json,
    fault_of_voice,
    voice_config,
)
from ..core.wishes import WISHES, rivals_of
from .fields import Settings, number, refuse

DEFAULT_VOICE_ID = "cLONiZ4hQ8VpQ4Sz"
# No id and no name is nearly as long; a request may bring anything.
_MOST_CHARACTERS = 200


def _name(description: str) -> Any:
    """Declare a name or an id, absent unless it is set."""
    return Field(None, max_length=_MOST_CHARACTERS, description=description)


class VoiceSettings(Settings):
    """Which voice speaks, and how."""

    voice_id: str | None = _name(f"a voice by id; default `{DEFAULT_VOICE_ID}`")
    voice: str | None = _name("a voice by name, instead of `voice_id`")
    pronunciation_id: str | None = _name("a pronunciation dictionary")
    speed: float | None = number(
        None, 0.5, 2, "1 is normal, 2 about twice as fast"
    )
    temperature: float | None = number(
        None, *VOICE_RANGES["temp"], "variation; 0 is deterministic"
    )
    similarity: float | None = number(
        None,
        *VOICE_RANGES["cfg_coef"],
        "closeness to the voice; the beta model ignores it",
    )
    language: str | None = _name(
        "rules that read numbers and dates: `en`, `fr`, `de`, `es` or `pt`;"
        " `en-US` and `en_US` are understood"
    )
    rewrite_rules: str | None = Field(
        None, description="the same as a list of rules, or `none`"
    )
    temp: float | None = number(
        None, *VOICE_RANGES["temp"], "the vendor's name of `temperature`"
    )
    cfg_coef: float | None = number(
        None, *VOICE_RANGES["cfg_coef"], "the vendor's name of `similarity`"
    )
    padding_bonus: float | None = number(
        None,
        *VOICE_RANGES["padding_bonus"],
        "the vendor's measure of `speed`: below 0 is faster",
    )
    json_config: dict[str, Any] | None = Field(
        None, description="the vendor's voice settings, object or JSON text"
    )

    @field_validator("language")
    @classmethod
    def _read_language(cls, value: str | None) -> str | None:
        return code_of(value) if value else value

    @model_validator(mode="after")
    def _check_voice(self) -> VoiceSettings:
        extra = self.model_extra or {}
        refuse(fault_of_json({"json_config": self.json_config, **extra}))
        refuse(fault_of_voice(self.json_config or {}))
        for one, other in EXCLUSIVE:
            given = (getattr(self, name, None) for name in (one, other))
            if all(value not in (None, "") for value in given):
                refuse(f"{one} and {other} exclude each other")
        return self

    def vendor_config(self) -> dict[str, Any]:
        """Return the `json_config` of a session; settings by name win."""
        named = {name: getattr(self, name) for name in VOICE_SETTINGS}
        return {**(self.json_config or {}), **voice_config(named)}


def changes_for(
    wishes: Mapping[str, Any], secrets: Sequence[str]
) -> dict[str, Any]:
    """Return what the wishes of a request change in the settings.

    Args:
        wishes: see `wishes_of`.
        secrets: what a message must not show.

    Raises:
        ConfigError: what is wrong, all of it in one sentence.
    """
    try:
        wished = VoiceSettings.model_validate(wishes)
    except ValidationError as error:
        faults = [
            sentence({**fault, "loc": (WISHES, *fault["loc"])}, secrets)
            for fault in error.errors()
        ]
        raise ConfigError("; ".join(faults)) from None
    changes: dict[str, Any] = {}
    for name in wishes:
        changes.update(dict.fromkeys(rivals_of(name)))
    return {**changes, **{name: getattr(wished, name) for name in wishes}}
