# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Keeps secrets out of every text that leaves the process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

MASK = "***"

_SECRET_NAME = re.compile(
    r"key|token|secret|passw|auth|credential|cookie|signature", re.IGNORECASE
)
_URL_SECRET = re.compile(
    r"(?P<name>[?&;][^=&;\s]*(?:key|token|secret|passw|auth|sig)[^=&;\s]*=)"
    r"(?P<secret>[^&;\s#\"']+)",
    re.IGNORECASE,
)
# A password may hold an `@`: the host starts after the last one.
_URL_USER = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<secret>[^/?#\s]+)@", re.IGNORECASE
)
# Shorter ones are parts of other words ("on", "yes"), not secrets.
_LEAST_CHARACTERS = 6
# Settings whose names look secret and are not.
_PUBLIC_NAMES = frozenset({"max_padding_per_token"})


def is_secret_name(name: str) -> bool:
    """Whether a value under this name must not be shown."""
    return name not in _PUBLIC_NAMES and bool(_SECRET_NAME.search(name))


def mask_values(
    tree: Any, secrets: Sequence[str] = (), *, is_secret: bool = False
) -> Any:
    """Copy a JSON-like tree with every secret value masked.

    A value is secret under a secret-looking name at any depth; in other
    texts the given secrets and those of URLs are masked. Nothing of a secret
    is kept, not its ends, not its length.
    """
    if isinstance(tree, Mapping):
        return {
            mask_text(str(key), secrets): mask_values(
                value, secrets, is_secret=is_secret or is_secret_name(str(key))
            )
            for key, value in tree.items()
        }
    if isinstance(tree, (list, tuple)):
        return [mask_values(v, secrets, is_secret=is_secret) for v in tree]
    if is_secret:
        return MASK if tree else tree
    return mask_text(tree, secrets) if isinstance(tree, str) else tree


def secrets_in(tree: Any, *, is_secret: bool = False) -> Iterator[str]:
    """Find what `mask_values` would mask, to look for it in other texts.

    The server may repeat any of it: also the last part of a value such as
    `Bearer …`, and the password of a URL without its user.
    """
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from secrets_in(
                value, is_secret=is_secret or is_secret_name(str(key))
            )
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from secrets_in(value, is_secret=is_secret)
    elif isinstance(tree, str):
        found = [tree.strip(), *tree.split()[-1:]] if is_secret else []
        for user in _URL_USER.finditer(tree):
            found += [user["secret"], user["secret"].partition(":")[2]]
        found += [match["secret"] for match in _URL_SECRET.finditer(tree)]
        yield from (s for s in found if len(s) >= _LEAST_CHARACTERS)


def mask_urls(text: str) -> str:
    """Mask user names, passwords and secret-looking parameters of URLs."""
    # Every log line passes here, and few hold a URL.
    if "://" in text:
        text = _URL_USER.sub(rf"\g<scheme>{MASK}@", text)
    if "=" in text:
        text = _URL_SECRET.sub(rf"\g<name>{MASK}", text)
    return text


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Mask the given secrets, and those of URLs, wherever they stand."""
    # Longest first: a secret may contain another.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return mask_urls(text)


def host_of(url: str) -> str:
    """Give host and port of a URL, for messages."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or '?'}{port}"
    except ValueError:
        return "?"
