# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where sockets go, and what may be said on the way there."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .redact import host_of

# By region; the neutral host leads to the nearest.
_HOSTS = {
    None: "api.gradium.ai",
    "eu": "eu.api.gradium.ai",
    "us": "us.api.gradium.ai",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PROXY_SCHEMES = tuple(
    f"{scheme}://"
    for scheme in ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
)


@dataclass(frozen=True)
class Endpoint:
    """Where sockets go; two equal ones may share a socket."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    is_ipv4_only: bool = False


def url_of(region: str | None) -> str:
    """Return the vendor's URL in a region; without one, in the nearest."""
    return f"wss://{_HOSTS[region]}/api/speech/tts"


def headers_of(api_key: str, *given: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an upgrade request, the key among them.

    Names that differ in case only are the same; the last one counts.
    """
    headers = {
        name.lower(): value for each in given for name, value in each.items()
    }
    return {**headers, "x-api-key": api_key, "x-api-source": "ten"}


def fault_of_url(url: str) -> str:
    """Say what is wrong with a websocket URL; empty if nothing is."""
    if not url.startswith(("ws://", "wss://")):
        return "must start with ws:// or wss://"
    return "must name a host" if host_of(url) == "?" else ""


def is_in_the_clear(url: str) -> bool:
    """Whether what goes to a valid URL can be read on the way there."""
    return url.startswith("ws://") and not _is_loopback(url)


def _is_loopback(url: str) -> bool:
    """Whether it leads to this very machine."""
    name = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def hint_of_region(url: str) -> str:
    """Say why a key may be refused at a regional host; empty at others.

    The vendor's own sources differ on whether these are retired, and a
    retired one calls every key revoked or expired.
    """
    host, neutral = host_of(url), _HOSTS[None]
    if not host.endswith(f".{neutral}"):
        return ""
    return (
        f"{host} is a regional host, which refuses every key where the vendor"
        f" has retired it: try without `region`, at {neutral}"
    )


def is_key_moved(old: Endpoint, new: Endpoint) -> bool:
    """Whether a key that went to one host is to go to another's, too.

    From one of the vendor's hosts to another is no news.
    """
    hosts = {host_of(old.url), host_of(new.url)}
    is_same_key = old.headers.get("x-api-key") == new.headers.get("x-api-key")
    return is_same_key and len(hosts) > 1 and not hosts <= {*_HOSTS.values()}


def fault_of_proxy(url: str) -> str:
    """Say what is wrong with a proxy's URL; empty if nothing is."""
    if url.startswith(_PROXY_SCHEMES):
        return ""
    return "must start with http://, https:// or socks5://"


def fault_of_shared_url(url: str) -> str:
    """Say what is wrong with a Redis' URL; empty if nothing is."""
    if not url.startswith(("redis://", "rediss://")):
        return "must start with redis:// or rediss://"
    if host_of(url) == "?":
        return "must name a host"
    number = urlsplit(url).path.strip("/")
    is_number = number.isascii() and number.isdigit()
    return (
        "must end in the number of a database"
        if number and not is_number
        else ""
    )


def are_headers(headers: Mapping[str, str]) -> bool:
    """Whether an upgrade request can carry these."""
    return all(
        _HEADER_NAME.fullmatch(name) and is_header_value(value)
        for name, value in headers.items()
    )


def is_header_value(text: str) -> bool:
    """Whether a header can carry this."""
    return text.isascii() and text.isprintable()
