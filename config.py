# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of one extension: valid once built, and frozen.

`GradiumTTSConfig.load` reads the property tree of a node. What a user got
wrong ends in a `ConfigError` of one sentence that names the setting and the
value; nothing is coerced silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .core.endpoint import (
    Endpoint,
    are_headers,
    fault_of_proxy,
    fault_of_url,
    headers_of,
    is_header_value,
    url_of,
)
from .core.protocol import RESERVED_KEYS, SAMPLE_RATES_HZ, VOICE_RANGES, Setup
from .core.redact import mask_text, mask_values, secrets_in
from .core.sentences import NO_NUL, ONE_OF_RATES, ConfigError, sentence
from .core.setting_names import (
    EXCLUSIVE,
    VOICE_SETTINGS,
    fault_of_json,
    fault_of_voice,
    settle_aliases,
    voice_config,
)

# The settings that say where sockets go and with what key.
REACHED_BY = ("api_key", "url", "region", "headers", "proxy", "ca_file")
DEFAULT_VOICE_ID = "cLONiZ4hQ8VpQ4Sz"
DEFAULT_SAMPLE_RATE_HZ = 24000


class _Settings(BaseModel):
    # Before pydantic 2.10 no field may be called `model_…`, as one of ours is.
    model_config = ConfigDict(frozen=True, strict=True, protected_namespaces=())

    def __repr__(self) -> str:
        """Show the settings, secrets masked."""
        tree = self.model_dump(exclude_unset=True)
        shown = mask_values(tree, list(secrets_in(tree)))
        return f"{type(self).__name__}({shown})"

    __str__ = __repr__


def _number(
    default: float | None,
    least: float,
    most: float,
    description: str,
    *,
    is_above: bool = False,
) -> Any:
    """Declare a finite number from `least` (or above it) to `most`."""
    return Field(
        default,
        ge=None if is_above else least,
        gt=least if is_above else None,
        le=most,
        allow_inf_nan=False,
        description=description,
    )


def _refuse(fault: str, kind: str = "both") -> None:
    """Make a finding of a sentence (see `sentence`), unless it is empty."""
    if fault:
        raise PydanticCustomError(kind, "{fault}", {"fault": fault})


def _check_url(url: str | None) -> str | None:
    _refuse(fault_of_url(url) if url else "", "url")
    return url


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    _refuse("" if are_headers(headers) else "must be HTTP headers", "hidden")
    return headers


class GradiumTTSParams(_Settings):
    """The settings under `params`; unknown ones go to the vendor's setup."""

    model_config = ConfigDict(extra="allow")

    api_key: str = Field("", repr=False, description="Gradium's API key")
    url: str | None = Field(
        None, description="the websocket; default: the endpoint of `region`"
    )
    region: Literal["eu", "us"] | None = Field(
        None, description="which endpoint; default: the nearest"
    )
    model_name: str = Field("default", description="Gradium's model")
    voice_id: str | None = Field(
        None, description=f"a voice by id; default `{DEFAULT_VOICE_ID}`"
    )
    voice: str | None = Field(
        None, description="a voice by name, instead of `voice_id`"
    )
    sample_rate: int = Field(
        DEFAULT_SAMPLE_RATE_HZ,
        description="Hz: 8000, 16000, 22050, 24000, 44100 or 48000",
    )
    output_format: Literal["pcm", "ulaw_8000", "alaw_8000"] = Field(
        "pcm",
        description="what the vendor sends; the graph always gets PCM",
    )
    json_config: dict[str, Any] | None = Field(
        None, description="the vendor's voice settings, object or JSON text"
    )
    close_ws_on_eos: bool = Field(
        True,
        description="accepted, without effect: each request has a socket"
        " of its own",
    )
    retry_for_s: float | None = _number(
        None, 0, 300, "how long the server may look for a worker"
    )
    pronunciation_id: str | None = Field(
        None, description="a pronunciation dictionary"
    )
    speed: float | None = _number(
        None, 0.5, 2, "1 is normal, 2 about twice as fast"
    )
    temperature: float | None = _number(
        None, *VOICE_RANGES["temp"], "variation; 0 is deterministic"
    )
    similarity: float | None = _number(
        None,
        *VOICE_RANGES["cfg_coef"],
        "closeness to the voice; the beta model ignores it",
    )
    language: str | None = Field(
        None, description="rules that read numbers and dates: `en`, `fr`, …"
    )
    rewrite_rules: str | None = Field(
        None, description="the same as a list of rules, or `none`"
    )
    headers: dict[str, str] = Field(
        {}, repr=False, description="further headers of the upgrade request"
    )
    proxy: str | None = Field(
        None, repr=False, description="a proxy's URL; default: from the system"
    )
    ca_file: str | None = Field(
        None, pattern=NO_NUL, description="a PEM file of trusted authorities"
    )
    warm: Literal["socket", "session", "off"] = Field(
        "socket",
        description="what is opened ahead: a socket, or a session, which holds"
        " a slot of the account",
    )
    check_at_start: bool = Field(
        True,
        description="whether a session is opened at the start, to see whether"
        " the key and the settings are accepted",
    )
    connect_timeout_s: float = _number(
        5.0, 0, 60, "limit of a connect", is_above=True
    )
    ready_timeout_s: float = _number(
        3.0,
        0,
        300,
        "after how long without `ready`, at least `retry_for_s`, a second"
        " session is tried beside the first",
        is_above=True,
    )
    audio_timeout_s: float = _number(
        5.0,
        0,
        300,
        "the same for audio that is owed",
        is_above=True,
    )
    retry_deadline_s: float = _number(
        8.0,
        0,
        300,
        "how long nothing may be heard, whatever fails, before a request is"
        " given up; 0 is at the first failure",
    )
    capacity_wait_s: float = _number(
        30.0, 0, 300, "how long a request waits for a free session of the key"
    )
    session_max_s: float = _number(
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
    max_sessions: int = Field(
        0,
        ge=0,
        description="how many sessions this process opens at a time with one"
        " key; 0 is any number",
    )
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
    clean_markdown: bool = Field(
        False, description="whether markdown marks are left out"
    )
    clean_emoji: bool = Field(False, description="whether emoji are left out")
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
        _refuse("" if value in SAMPLE_RATES_HZ else ONE_OF_RATES, "one_of")
        return value

    @field_validator("api_key")
    @classmethod
    def _check_key(cls, value: str) -> str:
        is_legal = is_header_value(value.strip())
        _refuse("" if is_legal else "must be one line of ASCII", "hidden")
        return value.strip()

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        _refuse(fault_of_proxy(value) if value else "", "hidden")
        return value

    _check_url = field_validator("url")(_check_url)
    _check_headers = field_validator("headers")(_check_headers)

    @model_validator(mode="after")
    def _check_params(self) -> GradiumTTSParams:
        extra = self.model_extra or {}
        _refuse(fault_of_json({"json_config": self.json_config, **extra}))
        _refuse(fault_of_voice(self.json_config or {}))
        for one, other in EXCLUSIVE:
            if getattr(self, one) and getattr(self, other):
                _refuse(f"{one} and {other} exclude each other")
        is_set = "sample_rate" in self.model_fields_set
        if self.output_format != "pcm" and is_set and self.sample_rate != 8000:
            _refuse(
                "sample_rate must be 8000 with output_format"
                f" {self.output_format}, not {self.sample_rate}"
            )
        return self


class GradiumTTSConfig(_Settings):
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
    enable_words: bool = Field(
        False, description="whether words are sent with their times"
    )
    url: str | None = Field(None, description="the same as `params.url`")
    headers: dict[str, str] = Field(
        {}, repr=False, description="the same as `params.headers`"
    )
    params: GradiumTTSParams = Field(description="see below")
    warnings: tuple[str, ...] = Field((), exclude=True, repr=False)

    _check_url = field_validator("url")(_check_url)
    _check_headers = field_validator("headers")(_check_headers)

    @model_validator(mode="after")
    def _check_endpoint(self) -> GradiumTTSConfig:
        if self.url and self.params.region:
            _refuse("url and params.region exclude each other")
        return self

    @classmethod
    def load(cls, tree: Mapping[str, Any]) -> GradiumTTSConfig:
        """Build the settings from a node's property tree.

        Raises:
            ConfigError: what is missing or wrong, in one sentence.
        """
        tree, warnings = settle_aliases(tree, GradiumTTSParams.model_fields)
        secrets = list(secrets_in(tree))
        tree["warnings"] = tuple(mask_text(text, secrets) for text in warnings)
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

    # ------------------------------------------------------- derived values

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second of what the graph gets."""
        params = self.params
        return params.sample_rate if params.output_format == "pcm" else 8000

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
        return Setup(
            output_format=(
                f"pcm_{params.sample_rate}"
                if params.output_format == "pcm"
                else params.output_format
            ),
            model_name=params.model_name,
            voice_id=voice_id,
            voice=params.voice,
            json_config={
                **(params.json_config or {}),
                **voice_config({n: getattr(params, n) for n in VOICE_SETTINGS}),
            },
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
        return [self.params.api_key, *secrets_in(self.model_dump())]

    def redacted(self) -> str:
        """Return the settings as JSON, secrets masked."""
        tree = self.model_dump(exclude_none=True)
        return json.dumps(mask_values(tree, self.secrets()))
