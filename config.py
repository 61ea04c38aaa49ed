"""The settings of one extension: valid once built, and frozen.

`GradiumTTSConfig.load` reads the property tree of a node. What a user got
wrong ends in a `ConfigError` of one sentence that names the setting and the
value; nothing is coerced silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from .core.protocol import RESERVED_KEYS, SAMPLE_RATES_HZ, Setup
from .core.redact import (
    host_of,
    is_secret_name,
    mask_text,
    mask_values,
    secrets_in,
)

DEFAULT_VOICE_ID = "cLONiZ4hQ8VpQ4Sz"
DEFAULT_SAMPLE_RATE_HZ = 24000
_HOSTS = {
    None: "api.gradium.ai",
    "eu": "eu.api.gradium.ai",
    "us": "us.api.gradium.ai",
}

# Our names of voice settings, and the vendor's in `json_config`.
VOICE_SETTINGS = {
    "temperature": "temp",
    "similarity": "cfg_coef",
    "language": "rewrite_rules",
    "rewrite_rules": "rewrite_rules",
    "speed": "padding_bonus",
}
# What the vendor accepts of them (voice settings guide).
_VOICE_RANGES = {
    "temp": (0.0, 1.5),
    "cfg_coef": (1.0, 10.0),
    "padding_bonus": (-5.0, 5.0),
}
# Pairs of settings of which only one can hold.
EXCLUSIVE = (
    ("voice_id", "voice"),
    ("url", "region"),
    ("language", "rewrite_rules"),
)
# The same with the old name of one.
_URL_RIVALS = {"url", "region", "base_url"}


class ConfigError(ValueError):
    """A setting is missing or wrong; the message is for the user."""


@dataclass(frozen=True)
class Endpoint:
    """Where sockets go; two equal ones may share a socket."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    def __repr__(self) -> str:
        """Show the settings, secrets masked."""
        tree = self.model_dump(exclude_unset=True)
        shown = mask_values(tree, list(secrets_in(tree)))
        return f"{type(self).__name__}({shown})"

    __str__ = __repr__


def _is_one_line(text: str) -> bool:
    """Whether a header can carry this."""
    return text.isascii() and text.isprintable()


def _check_url(url: str | None) -> str | None:
    if url and not url.startswith(("ws://", "wss://")):
        raise PydanticCustomError("url", "must start with ws:// or wss://")
    if url and host_of(url) == "?":
        raise PydanticCustomError("url", "must name a host")
    return url


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _is_one_line(value):
            raise PydanticCustomError("hidden", "must be HTTP headers")
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
    retry_for_s: float | None = Field(
        None,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="how long the server may look for a worker",
    )
    pronunciation_id: str | None = Field(
        None, description="a pronunciation dictionary"
    )
    speed: float | None = Field(
        None,
        ge=0.5,
        le=2,
        allow_inf_nan=False,
        description="1 is normal, 2 about twice as fast",
    )
    temperature: float | None = Field(
        None,
        ge=0,
        le=1.5,
        allow_inf_nan=False,
        description="variation; 0 is deterministic",
    )
    similarity: float | None = Field(
        None,
        ge=1,
        le=10,
        allow_inf_nan=False,
        description="closeness to the voice; the beta model ignores it",
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
        None, description="a PEM file of trusted authorities"
    )
    warm: Literal["socket", "off"] = Field(
        "socket", description="whether the next socket is opened ahead"
    )
    connect_timeout_s: float = Field(
        5.0, gt=0, le=60, allow_inf_nan=False, description="limit of a connect"
    )
    ready_timeout_s: float = Field(
        3.0,
        gt=0,
        le=300,
        allow_inf_nan=False,
        description="limit of the wait for `ready`, at least `retry_for_s`",
    )
    audio_timeout_s: float = Field(
        5.0,
        gt=0,
        le=300,
        allow_inf_nan=False,
        description="limit of a wait for audio that is owed",
    )
    retry_deadline_s: float = Field(
        8.0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="how long a failing request is retried",
    )
    session_max_s: float = Field(
        240.0,
        ge=0,
        le=3000,
        allow_inf_nan=False,
        description="after how long a request goes on in a new session; 0 is"
        " never",
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
        description="after how long a silence of the LLM the words held back"
        " are spoken; 0 is never",
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

    @field_validator("sample_rate")
    @classmethod
    def _check_sample_rate(cls, value: int) -> int:
        if value not in SAMPLE_RATES_HZ:
            raise PydanticCustomError("one_of", _ONE_OF_RATES)
        return value

    @field_validator("api_key")
    @classmethod
    def _check_key(cls, value: str) -> str:
        if not _is_one_line(value.strip()):
            raise PydanticCustomError("hidden", "must be one line of ASCII")
        return value.strip()

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        if value and not value.startswith(_PROXY_SCHEMES):
            raise PydanticCustomError(
                "hidden", "must start with http://, https:// or socks5://"
            )
        return value

    _check_url = field_validator("url")(_check_url)
    _check_headers = field_validator("headers")(_check_headers)

    @model_validator(mode="after")
    def _check_json(self) -> GradiumTTSParams:
        extra = self.model_extra or {}
        for name, value in {"json_config": self.json_config, **extra}.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError):
                raise PydanticCustomError(
                    "both", "{name} holds what JSON cannot say", {"name": name}
                ) from None
        return self

    @model_validator(mode="after")
    def _check_voice(self) -> GradiumTTSParams:
        for key, (low, high) in _VOICE_RANGES.items():
            value = (self.json_config or {}).get(key, low)
            is_number = isinstance(value, (int, float)) and value is not True
            if not is_number or not low <= value <= high:
                raise PydanticCustomError(
                    "both",
                    f"json_config.{key} must be a number from {low:g} to"
                    " {high}, not {value}",
                    {"high": f"{high:g}", "value": json.dumps(value)},
                )
        return self

    @model_validator(mode="after")
    def _check_together(self) -> GradiumTTSParams:
        for one, other in EXCLUSIVE:
            if getattr(self, one) and getattr(self, other):
                raise PydanticCustomError(
                    "both", f"{one} and {other} exclude each other"
                )
        is_set = "sample_rate" in self.model_fields_set
        if self.output_format != "pcm" and is_set and self.sample_rate != 8000:
            raise PydanticCustomError(
                "both",
                "sample_rate must be 8000 with output_format"
                f" {self.output_format}, not {self.sample_rate}",
            )
        return self


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PROXY_SCHEMES = tuple(
    f"{scheme}://"
    for scheme in ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
)
_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    Mapping: "an object",
    list: "a list",
}
_ONE_OF_RATES = "must be one of " + ", ".join(map(str, SAMPLE_RATES_HZ))


class GradiumTTSConfig(_Settings):
    """All settings of a node."""

    model_config = ConfigDict(extra="ignore")

    dump: bool = Field(False, description="whether audio is written to files")
    dump_path: str = Field("./", description="the folder of these files")
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
            raise PydanticCustomError(
                "both", "url and params.region exclude each other"
            )
        return self

    @classmethod
    def load(cls, tree: Mapping[str, Any]) -> GradiumTTSConfig:
        """Build the settings from a node's property tree.

        Raises:
            ConfigError: what is missing or wrong, in one sentence.
        """
        tree, warnings = _settle_aliases(tree)
        secrets = list(secrets_in(tree))
        tree["warnings"] = tuple(mask_text(text, secrets) for text in warnings)
        try:
            config = cls.model_validate(tree)
        except ValidationError as error:
            raise ConfigError(_sentence(error.errors()[0], secrets)) from None
        if not config.params.api_key:
            raise ConfigError(
                "params.api_key is missing: set it, or GRADIUM_API_KEY in the"
                " environment"
            )
        return config

    # ------------------------------------------------------- derived values

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second of what the graph gets."""
        params = self.params
        return params.sample_rate if params.output_format == "pcm" else 8000

    def endpoint(self) -> Endpoint:
        """Give what a socket is opened with."""
        params = self.params
        url = params.url or self.url
        given = [*self.headers.items(), *params.headers.items()]
        # Names of headers that differ in case only are the same.
        headers = {name.lower(): value for name, value in given}
        headers.update({"x-api-key": params.api_key, "x-api-source": "ten"})
        return Endpoint(
            url or f"wss://{_HOSTS[params.region]}/api/speech/tts",
            headers,
            params.proxy,
            params.ca_file,
        )

    def setup(self) -> Setup:
        """Give what a session is opened with."""
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
            json_config={**(params.json_config or {}), **self._voice_config()},
            pronunciation_id=params.pronunciation_id,
            retry_for_s=params.retry_for_s,
            extra={
                key: value
                for key, value in (params.model_extra or {}).items()
                if key not in RESERVED_KEYS
            },
        )

    def _voice_config(self) -> dict[str, Any]:
        """Give the named voice settings under the vendor's names."""
        named = {
            key: getattr(self.params, name)
            for name, key in VOICE_SETTINGS.items()
            if getattr(self.params, name) is not None
        }
        if self.params.speed is not None:
            named["padding_bonus"] = padding_bonus(self.params.speed)
        return named

    @property
    def ready_timeout_s(self) -> float:
        """Limit of the wait for `ready`; the server may retry that long."""
        params = self.params
        if params.retry_for_s is None:
            return params.ready_timeout_s
        return max(params.ready_timeout_s, params.retry_for_s + 2.0)

    # -------------------------------------------------------------- secrets

    def secrets(self) -> list[str]:
        """List the values that must never be shown."""
        return [self.params.api_key, *secrets_in(self.model_dump())]

    def redact(self, text: str) -> str:
        """Mask every secret in a text."""
        return mask_text(text, self.secrets())

    def redacted(self) -> str:
        """Give the settings as JSON, secrets masked."""
        tree = self.model_dump(exclude_none=True)
        return json.dumps(mask_values(tree, self.secrets()))


def merge_settings(
    tree: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Give a property tree with some settings changed, not yet checked.

    `params` merge key by key. Of two settings that exclude each other the
    one that was changed wins.
    """
    merged = {**tree, **changes}
    kept, new = tree.get("params") or {}, changes.get("params") or {}
    if not isinstance(kept, Mapping) or not isinstance(new, Mapping):
        return merged
    changed = {name for name, value in new.items() if value}
    if changes.get("url"):
        changed.add("url")
    elif changed & _URL_RIVALS:
        merged.pop("url", None)
    for rivals in (*map(set, EXCLUSIVE), _URL_RIVALS):
        if changed & rivals:
            kept = {name: kept[name] for name in kept if name not in rivals}
    return {**merged, "params": {**kept, **new}}


def padding_bonus(speed: float) -> float:
    """Turn a speed into the vendor's pause setting, -5 to 5.

    Two steps of padding change the duration by about 30 % (vendor's
    examples), and the duration is the inverse of the speed.
    """
    return round(max(-5.0, min(5.0, (1 / speed - 1) / 0.15)), 2)


def _settle_aliases(
    tree: Mapping[str, Any],
) -> tuple[dict[str, Any], list[str]]:
    """Apply the names other versions used, and note what is odd."""
    tree = {key: value for key, value in tree.items() if value is not None}
    given = tree.get("params", {})
    if not isinstance(given, Mapping):
        raise ConfigError(f"params must be an object, not {_kind(given)}")
    # Absent and null mean the same; an empty text is how TEN's graphs say it.
    params = {
        key: value for key, value in given.items() if value not in (None, "")
    }
    if isinstance(params.get("json_config"), str):
        params["json_config"] = _parsed(params["json_config"])
    warnings = []
    if "base_url" in params:
        base_url = params.pop("base_url")
        params.setdefault("url", base_url)
        warnings.append("params.base_url is now called params.url")
    if params.get("close_ws_on_eos") is False:
        warnings.append("params.close_ws_on_eos has no effect")
    for key in sorted(set(params) - set(GradiumTTSParams.model_fields)):
        warnings.append(
            f"params.{key} is reserved and left out"
            if key in RESERVED_KEYS
            else f"params.{key} is unknown here and goes to the vendor as it is"
        )
    if "beta" in str(params.get("model_name")) and "similarity" in params:
        warnings.append("params.similarity is ignored by the beta model")
    warnings += _conflicts(params)
    tree["params"] = params
    return tree, warnings


def _parsed(json_config: str) -> Any:
    try:
        return json.loads(json_config)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"params.json_config must be a JSON object: {error}"
        ) from None


def _conflicts(params: Mapping[str, Any]) -> list[str]:
    """Name the settings that are given twice; the named one wins."""
    config = params.get("json_config")
    return [
        f"params.{name} wins over params.json_config.{key}"
        for name, key in VOICE_SETTINGS.items()
        if name in params and isinstance(config, Mapping) and key in config
    ]


def _sentence(error: ErrorDetails, secrets: Sequence[str]) -> str:
    """Turn pydantic's first finding into a sentence for the user."""
    path = mask_text(".".join(map(str, error["loc"])), secrets)
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "both":
        return mask_text(f"{path}: {error['msg']}".lstrip(": "), secrets)
    wanted = {
        "bool_type": "must be true or false",
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "finite_number": "must be a finite number",
        "string_type": "must be a text",
        "dict_type": "must be an object",
        "literal_error": f"must be one of {context.get('expected')}",
        "greater_than": f"must be more than {context.get('gt')}",
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than_equal": f"must be at most {context.get('le')}",
    }.get(kind, error["msg"])
    if path.endswith("sample_rate"):
        wanted = _ONE_OF_RATES
    if kind == "hidden" or any(
        is_secret_name(str(name)) for name in error["loc"]
    ):
        return f"{path} {wanted}"
    value = error["input"]
    # A text or list in place of an object may hold secrets without names.
    shown = _kind(value) if kind == "dict_type" else _shown(value, secrets)
    return f"{path} {wanted}, not {shown}"


def _shown(value: object, secrets: Sequence[str]) -> str:
    """Give a value as a user would write it, secrets masked, not too long."""
    try:
        text = json.dumps(mask_values(value, secrets), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return _kind(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(value: object) -> str:
    """Name the type of a value as JSON does."""
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return f"a {type(value).__name__}"
