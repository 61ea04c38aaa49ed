# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of the way to the vendor: where, with what key, how long."""

from __future__ import annotations

from importlib import metadata
from typing import Literal

from pydantic import Field, field_validator

from ..core.endpoint import (
    are_headers,
    fault_of_proxy,
    fault_of_shared_url,
    fault_of_url,
    is_header_value,
)
from ..core.haste import MOST_RESERVES
from ..core.sentences import NO_NUL
from .fields import Settings, number, refuse

# Of the package; older ones mix up answers after an interruption.
LEAST_REDIS = 5
# The settings that say where sockets go and with what key.
REACHED_BY = ("api_key", "url", "region", "headers", "proxy", "ca_file")


def check_url(url: str | None) -> str | None:
    """Refuse what is no websocket's URL."""
    refuse(fault_of_url(url) if url else "", "url")
    return url


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """Refuse what an upgrade request cannot carry."""
    refuse("" if are_headers(headers) else "must be HTTP headers", "hidden")
    return headers


def _fault_of_redis() -> str:
    """Say what is wrong with the package redis; empty if nothing is."""
    try:
        installed = metadata.version("redis")
    except metadata.PackageNotFoundError:
        installed = "none"
    else:
        if int(installed.partition(".")[0]) >= LEAST_REDIS:
            return ""
    return (
        f"needs the package redis {LEAST_REDIS}.0 or newer, and {installed} is"
        f' installed: pip install "redis>={LEAST_REDIS}.0"'
    )


class ConnectionSettings(Settings):
    """Where sockets go, and how long is waited for what comes back."""

    api_key: str = Field("", repr=False, description="Gradium's API key")
    url: str | None = Field(
        None, description="the websocket; default: the endpoint of `region`"
    )
    region: Literal["eu", "us"] | None = Field(
        None, description="which endpoint; default: the nearest"
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
    max_reserves: int = Field(
        3,
        ge=0,
        le=MOST_RESERVES,
        description="how many sockets are opened ahead at most; more than one"
        " only for a minute after turns that came faster than one opens",
    )
    reserve_max_age_s: float = number(
        50.0,
        0,
        3600,
        "when an unused socket is replaced; a bare one is said to live a"
        " minute at the vendor's",
        is_above=True,
    )
    connect_timeout_s: float = number(
        5.0, 0, 60, "limit of a connect", is_above=True
    )
    ready_timeout_s: float = number(
        3.0,
        0,
        300,
        "after how long without `ready`, at least `retry_for_s`, a second"
        " session is tried beside the first",
        is_above=True,
    )
    audio_timeout_s: float = number(
        5.0,
        0,
        300,
        "the same for audio that is owed",
        is_above=True,
    )
    retry_deadline_s: float = number(
        8.0,
        0,
        300,
        "how long nothing may be heard, whatever fails, before a request is"
        " given up; 0 is at the first failure",
    )
    capacity_wait_s: float = number(
        30.0, 0, 300, "how long a request waits for a free session of the key"
    )
    max_sessions: int = Field(
        0,
        ge=0,
        description="how many sessions are open at a time with one key, of all"
        " processes of this user on the machine, and of the fleet with"
        " `shared_url`; 0 is any number",
    )
    shared_url: str | None = Field(
        None,
        repr=False,
        description="`redis://…` or `rediss://…` of a Redis that the machines"
        " of a fleet share; default: none",
    )

    @field_validator("api_key")
    @classmethod
    def _check_key(cls, value: str) -> str:
        is_legal = is_header_value(value.strip())
        refuse("" if is_legal else "must be one line of ASCII", "hidden")
        return value.strip()

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        refuse(fault_of_proxy(value) if value else "", "hidden")
        return value

    @field_validator("shared_url")
    @classmethod
    def _check_shared_url(cls, value: str | None) -> str | None:
        if value:
            refuse(fault_of_shared_url(value), "hidden")
            refuse(_fault_of_redis(), "hidden")
        return value

    _check_url = field_validator("url")(check_url)
    _check_headers = field_validator("headers")(check_headers)
