"""Keeps secrets out of every text that leaves the process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

MASK = "***"

_SECRET_NAME = re.compile(
    r"key|token|secret|passw|auth|credential|cookie|signature", re.IGNORECASE
)
_URL_SECRET = re.compile(
    r"(?P<name>[?&;][^=&;\s]*(?:key|token|secret|passw|auth|sig)[^=&;\s]*=)"
    r"[^&;\s#\"']+",
    re.IGNORECASE,
)
_URL_USER = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/@\s]+@", re.I)
# Settings whose names look secret and are not.
_PUBLIC_NAMES = frozenset({"max_padding_per_token"})


def is_secret_name(name: str) -> bool:
    """Whether a value under this name must not be shown."""
    return name not in _PUBLIC_NAMES and bool(_SECRET_NAME.search(name))


def mask_values(tree: Any, *, is_secret: bool = False) -> Any:
    """Copy a JSON-like tree with every secret value masked.

    A value is secret under a secret-looking name at any depth; in other
    texts the secrets of URLs are masked. Nothing of a secret is kept, not
    its ends, not its length.
    """
    if isinstance(tree, Mapping):
        return {
            key: mask_values(
                value, is_secret=is_secret or is_secret_name(str(key))
            )
            for key, value in tree.items()
        }
    if isinstance(tree, (list, tuple)):
        return [mask_values(value, is_secret=is_secret) for value in tree]
    if is_secret:
        return MASK if tree else tree
    return mask_urls(tree) if isinstance(tree, str) else tree


def mask_urls(text: str) -> str:
    """Mask user names, passwords and secret-looking parameters of URLs."""
    text = _URL_USER.sub(rf"\g<scheme>{MASK}@", text)
    return _URL_SECRET.sub(rf"\g<name>{MASK}", text)


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
