# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of one extension: valid once built, and frozen.

`GradiumTTSConfig.load` reads the property tree of a node. What a user got
wrong ends in a `ConfigError` of one sentence that names the setting and the
value; nothing is coerced silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from .core.audio import encoding_of, rate_named_by
from .core.endpoint import (
    Endpoint,
    headers_of,
    url_of,
)
from .core.protocol import RESERVED_KEYS, SAMPLE_RATES_HZ, Setup
from .core.redact import mask_text, mask_values, secrets_in
from .core.sentences import NO_NUL, ONE_OF_RATES, ConfigError, sentence
from .core.setting_names import settle_aliases
from .core.setting_places import (
    JSON_CONFIG,
    PARAMS,
    TOP,
    VENDOR_VOICE_KEYS,
    Names,
)
from .core.wishes import wishes_of
from .settings.connection import (
    REACHED_BY,
    ConnectionSettings,
    check_headers,
    check_url,
)
from .settings.fields import Settings, number, refuse
from .settings.phrases import PhraseSettings
from .settings.text import TextSettings
from .settings.voice import DEFAULT_VOICE_ID, VoiceSettings, changes_for

DEFAULT_SAMPLE_RATE_HZ = 24000


class GradiumTTSParams(
    PhraseSettings, TextSettings, VoiceSettings, ConnectionSettings
):
    """The settings under `params`; unknown ones go to the vendor's setup."""

    model_config = ConfigDict(extra="allow")

    model_name: str = Field("default", description="Gradium's model")
    sample_rate: int = Field(
        DEFAULT_SAMPLE_RATE_HZ,
        description="Hz: 8000, 16000, 22050, 24000, 44100 or 48000",
    )
    output_format: Literal[
        "pcm",
        "pcm_8000",
        "pcm_16000",
        "pcm_22050",
        "pcm_24000",
        "pcm_44100",
        "pcm_48000",
        "ulaw_8000",
        "mulaw_8000",
        "alaw_8000",
    ] = Field(
        "pcm",
        description="what the vendor sends, `pcm` at `sample_rate`; the graph"
        " always gets PCM",
    )
    close_ws_on_eos: bool = Field(
        True,
        description="accepted, without effect: each request has a socket"
        " of its own",
    )
    retry_for_s: float | None = number(
        None, 0, 300, "how long the server may look for a worker"
    )
    session_max_s: float = number(
        240.0,
        0,
        3000,
        "after how long a request goes on in a new session; 0 is never",
    )
    session_max_chars: int = Field(
        0,
        ge=0,
        description="the same by characters (free tier: 1500); 0 is never",
    )
    resume: bool = Field(
        True, description="whether speech that was cut goes on where it was"
    )
    debug_log: bool = Field(
        False,
        description="whether each text, chunk and word is a line of the log, at"
        " level DEBUG; TEN does not tell whether anybody reads them",
    )

    @field_validator("sample_rate")
    @classmethod
    def _check_sample_rate(cls, value: int) -> int:
        refuse("" if value in SAMPLE_RATES_HZ else ONE_OF_RATES, "one_of")
        return value

    @model_validator(mode="after")
    def _check_rate(self) -> GradiumTTSParams:
        named_hz = rate_named_by(self.output_format)
        is_set = "sample_rate" in self.model_fields_set
        if named_hz and is_set and self.sample_rate != named_hz:
            refuse(
                f"sample_rate must be {named_hz} with output_format"
                f" {self.output_format}, not {self.sample_rate}"
            )
        return self


class GradiumTTSConfig(Settings):
    """All settings of a node."""

    model_config = ConfigDict(extra="ignore")

    dump: bool = Field(False, description="whether audio is written to files")
    dump_path: str = Field(
        "./", pattern=NO_NUL, description="the folder of these files"
    )
    dump_format: Literal["pcm", "wav"] = Field(
        "pcm", description="raw samples, or WAV files"
    )
    dump_max_files: int = Field(
        0,
        ge=0,
        description="how many of these files are kept, the newest; 0 is all",
    )
    dump_max_bytes: int = Field(
        0,
        ge=0,
        description="how many bytes of them are kept, the newest; 0 is all",
    )
    dump_max_age_s: float = number(
        0.0, 0, 1e9, "for how many seconds they are kept; 0 is for ever"
    )
    enable_words: bool = Field(
        False, description="whether words are sent with their times"
    )
    url: str | None = Field(None, description="the same as `params.url`")
    headers: dict[str, str] = Field(
        {}, repr=False, description="the same as `params.headers`"
    )
    params: GradiumTTSParams = Field(description="see below")
    warnings: tuple[str, ...] = Field((), exclude=True, repr=False)
    given_secrets: tuple[str, ...] = Field((), exclude=True, repr=False)

    _check_url = field_validator("url")(check_url)
    _check_headers = field_validator("headers")(check_headers)

    @model_validator(mode="after")
    def _check_endpoint(self) -> GradiumTTSConfig:
        if self.url and self.params.region:
            refuse("url and params.region exclude each other")
        return self

    @classmethod
    def load(
        cls, tree: Mapping[str, Any], notes: Sequence[str] = ()
    ) -> GradiumTTSConfig:
        """Build the settings from a node's property tree.

        Args:
            notes: what else the user should be warned of.

        Raises:
            ConfigError: what is missing or wrong, in one sentence.
        """
        given = tree
        tree, warnings = settle_aliases(given, KNOWN)
        # What is left out must not be shown all the same.
        secrets = [*secrets_in(given), *secrets_in(tree)]
        tree["given_secrets"] = tuple(secrets)
        tree["warnings"] = tuple(
            mask_text(text, secrets)
            for text in dict.fromkeys([*notes, *warnings])
        )
        try:
            config = cls.model_validate(tree)
        except ValidationError as error:
            raise ConfigError(sentence(error.errors()[0], secrets)) from None
        if not config.params.api_key:
            raise ConfigError(
                "params.api_key is missing: set it, or GRADIUM_API_KEY in the"
                " environment"
            )
        return config

    def reached_as(self, other: GradiumTTSConfig) -> GradiumTTSConfig:
        """Return these settings with the endpoint and the key of others."""
        if self.endpoint() == other.endpoint():
            return self
        theirs = {name: getattr(other.params, name) for name in REACHED_BY}
        return self.model_copy(
            update={
                "url": other.url,
                "headers": other.headers,
                "params": self.params.model_copy(update=theirs),
            }
        )

    def for_request(self, given: Any) -> tuple[GradiumTTSConfig, list[str]]:
        """Return the settings of one request, and warnings for the user.

        Args:
            given: `metadata.tts` of its first text, whatever that is.

        Raises:
            ConfigError: what is wrong with it, in one sentence.
        """
        wishes, warnings = wishes_of(given)
        if not wishes:
            return self, warnings
        changes = changes_for(wishes, self.secrets())
        params = self.params.model_copy(update=changes)
        return self.model_copy(update={"params": params}), warnings

    # ------------------------------------------------------- derived values

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second of what the graph gets."""
        params = self.params
        return rate_named_by(params.output_format) or params.sample_rate

    def endpoint(self) -> Endpoint:
        """Return what a socket is opened with."""
        params = self.params
        return Endpoint(
            params.url or self.url or url_of(params.region),
            headers_of(params.api_key, self.headers, params.headers),
            params.proxy,
            params.ca_file,
        )

    def setup(self) -> Setup:
        """Return what a session is opened with."""
        params = self.params
        voice_id = params.voice_id or (
            None if params.voice else DEFAULT_VOICE_ID
        )
        encoding = encoding_of(params.output_format)
        return Setup(
            output_format=f"{encoding}_{self.sample_rate_hz}",
            model_name=params.model_name,
            voice_id=voice_id,
            voice=params.voice,
            json_config=params.vendor_config(),
            pronunciation_id=params.pronunciation_id,
            retry_for_s=params.retry_for_s,
            extra={
                key: value
                for key, value in (params.model_extra or {}).items()
                if key not in RESERVED_KEYS
            },
        )

    @property
    def silence_s(self) -> float:
        """How long the listener may wait in vain; 0 is for no second try."""
        params = self.params
        if not params.retry_deadline_s or params.retry_for_s is None:
            return params.retry_deadline_s
        return max(params.retry_deadline_s, self.ready_timeout_s)

    @property
    def ready_timeout_s(self) -> float:
        """When `ready` is late; the server may look for a worker that long."""
        params = self.params
        if params.retry_for_s is None:
            return params.ready_timeout_s
        return max(params.ready_timeout_s, params.retry_for_s + 2.0)

    # -------------------------------------------------------------- secrets

    def secrets(self) -> list[str]:
        """List the values that must never be shown."""
        held = secrets_in(self.model_dump())
        return [self.params.api_key, *self.given_secrets, *held]

    def redacted(self) -> str:
        """Return the settings as JSON, secrets masked."""
        tree = self.model_dump(exclude_none=True)
        return json.dumps(mask_values(tree, self.secrets()))


def _defaults_of(model: type[Settings]) -> dict[str, Any]:
    return {
        name: field.default
        for name, field in model.model_fields.items()
        if not field.exclude
    }


# What each level of a node's properties may hold.
KNOWN: Names = {
    TOP: _defaults_of(GradiumTTSConfig),
    # With the old name of `url`.
    PARAMS: {**_defaults_of(GradiumTTSParams), "base_url": None},
    JSON_CONFIG: dict.fromkeys(VENDOR_VOICE_KEYS),
}
