# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What `setup` may say (protocol sections 2.2, 2.3 and 3.4)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from . import formats, voice_ids

Json = dict[str, Any]

POLICY = 1008
PROTOCOL = 1002
INTERNAL = 1011

_RANGES = {
    "temp": (0.0, 1.5),
    "cfg_coef": (1.0, 10.0),
    "padding_bonus": (-5.0, 5.0),
}
_STRINGS = (
    "model_name",
    "voice_id",
    "voice",
    "output_format",
    "pronunciation_id",
    "client_req_id",
)


class Refusal(Exception):
    """The service does not accept what the client said."""

    def __init__(self, message: str, code: int | None = POLICY) -> None:
        """
        Args:
            message: text of the error.
            code: code of the error and of the close that follows.
        """
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True)
class Known:
    """What an account has, besides the catalogue.

    Attributes:
        voice_ids: further voice ids that exist.
        pronunciation_ids: pronunciation dictionaries that exist.
    """

    voice_ids: Collection[str] = ()
    pronunciation_ids: Collection[str] = ()


@dataclass(frozen=True)
class Terms:
    """A valid `setup`, in the terms of this server."""

    output_format: formats.OutputFormat
    voice_id: str
    model_name: str
    duration_factor: float
    is_closing: bool
    retry_for_s: float | None


def read(setup: Mapping[str, Any], known: Known) -> Terms:
    """Check a setup message.

    Raises:
        Refusal: with the service's wording and code.
    """
    for name in _STRINGS:
        if not isinstance(setup.get(name), str | None):
            raise Refusal(f"Invalid setup: {name} should be a string")
    is_closing = setup.get("close_ws_on_eos")
    if not isinstance(is_closing, bool | None):
        raise Refusal("Invalid setup: close_ws_on_eos should be a boolean")
    config = _json_config(setup.get("json_config"))
    _check_pronunciation(setup.get("pronunciation_id"), known)
    return Terms(
        output_format=_output_format(setup.get("output_format")),
        voice_id=_voice_id(setup.get("voice_id"), setup.get("voice"), known),
        model_name=setup.get("model_name") or "default",
        duration_factor=_duration_factor(config),
        is_closing=is_closing is not False,
        retry_for_s=_retry_for_s(setup.get("retry_for_s")),
    )


def _json_config(value: object) -> Json:
    """An object, or a string that holds one; unknown keys are ignored."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise Refusal("Invalid json_config: not valid JSON") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal("Invalid json_config: should be an object")
    for key, (low, high) in _RANGES.items():
        number = value.get(key)
        if number is None:
            continue
        if not _is_number(number):
            raise Refusal(f"{key} should be a number")
        if not low <= number <= high:
            raise Refusal(f"{key} should be between {low} and {high}")
    if not isinstance(value.get("rewrite_rules"), str | None):
        raise Refusal("rewrite_rules should be a string")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _duration_factor(config: Json) -> float:
    # Two units of padding_bonus are about 30 % of the duration.
    return float(1.15 ** (config.get("padding_bonus") or 0.0))


def _output_format(name: str | None) -> formats.OutputFormat:
    name = name or "wav"
    if name == "opus":
        raise Refusal("opus is not offered by this local server")
    found = formats.by_name(name)
    if found is None:
        raise Refusal(f"Unsupported output format: {name}")
    return found


def _voice_id(voice_id: str | None, name: str | None, known: Known) -> str:
    if voice_id is None:
        # Who names nobody, or somebody unknown, gets a voice of the house.
        return voice_ids.id_of(name or "") or voice_ids.DEFAULT_VOICE_ID
    if voice_ids.is_known(voice_id) or voice_id in known.voice_ids:
        return voice_id
    raise Refusal(f"Embeddings not found for {voice_id}.")


def _check_pronunciation(pronunciation_id: str | None, known: Known) -> None:
    if pronunciation_id and pronunciation_id not in known.pronunciation_ids:
        raise Refusal(f"Pronunciation dictionary {pronunciation_id} not found.")


def _retry_for_s(value: object) -> float | None:
    if value is None:
        return None
    if not _is_number(value):
        raise Refusal("Invalid setup: retry_for_s should be a number")
    assert isinstance(value, int | float)
    return float(value)
