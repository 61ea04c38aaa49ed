# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Keeps secrets out of every text that leaves the process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .log_text import MAX_LINE_BYTES, escaped, shortened

MASK = "***"

_SECRET_NAME = re.compile(
    r"key|token|secret|passw|auth|credential|cookie|signature", re.IGNORECASE
)
# The text is foreign: each pattern looks at a character a fixed number of
# times. The second half of the alternative steps over a name that is no
# secret's, or each `?` in it would be a new start; before the first half goes
# back for the telling part of a name it has seen that `=` and a value follow.
_TELLING = r"(?:key|token|secret|passw|auth|sig)"
_URL_PARAMETER = re.compile(
    r"[?&;]+(?:"
    r"(?=[^=&;\s]*=[^&;\s#\"'])"
    rf"(?P<name>[^=&;\s]*{_TELLING}[^=&;\s]*=)(?P<secret>[^&;\s#\"']+)"
    r"|[^=&;\s]*)",
    re.IGNORECASE,
)
_TELLING_NAME = re.compile(_TELLING, re.IGNORECASE)
# A password may hold an `@`: the host starts after the last one.
_URL_USER = re.compile(r"://(?P<secret>[^/?#\s]+)@")
_AUTHORITY_AT_THE_END = re.compile(r"://[^/?#\s]*\Z")
# Shorter ones are parts of other words ("on", "yes"), not secrets.
_LEAST_CHARACTERS = 6
# Settings whose names look secret and are not.
_PUBLIC_NAMES = frozenset({"max_padding_per_token"})


def is_secret_name(name: str) -> bool:
    """Whether a value under this name must not be shown."""
    return name not in _PUBLIC_NAMES and bool(_SECRET_NAME.search(name))


class Masker:
    """Masks the same secrets in one text after the other.

    Every log line, event and error passes here: what can be prepared is. The
    time it takes grows with the length of a text and with nothing else.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets; empty ones are none."""
        # Longest first: a secret may contain another.
        self._secrets = sorted(
            dict.fromkeys(filter(None, secrets)), key=len, reverse=True
        )
        # What a secret that a cut goes through may take up, even where each
        # of its characters were another secret and masked.
        longest = len(self._secrets[0]) if self._secrets else 0
        self._margin = longest * len(MASK)

    def mask(self, text: str) -> str:
        """Mask the secrets, and those of URLs, wherever they stand."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return mask_urls(text)

    def head(self, text: str, length: int) -> str:
        """Mask a text, and cut it after at most `length` characters.

        A secret that the cut goes through is masked whole. How long the text
        is does not matter: what lies far behind the cut is not looked at.
        """
        window = text[: length + self._margin]
        masked = self.mask(window)
        if len(window) < len(text):
            # The `@` after a password may lie behind the window, and so may
            # the rest of a secret that begins in it.
            masked = _AUTHORITY_AT_THE_END.sub(f"://{MASK}", masked)
            masked = masked[: len(masked) - self._margin]
        elif len(masked) <= length:
            return masked
        return masked[: length - 1] + "…"

    def log_line(self, text: str) -> str:
        """Return one line for a log: masked, then escaped, then cut."""
        return shortened(escaped(self.head(text, MAX_LINE_BYTES)))

    def mask_values(self, tree: Any, *, is_secret: bool = False) -> Any:
        """Copy a JSON-like tree with every secret value masked.

        A value is secret under a secret-looking name at any depth; in other
        texts the secrets and those of URLs are masked. Nothing of a secret is
        kept, not its ends, not its length.
        """
        if isinstance(tree, Mapping):
            return {
                self.mask(str(key)): self.mask_values(
                    value, is_secret=is_secret or is_secret_name(str(key))
                )
                for key, value in tree.items()
            }
        if isinstance(tree, (list, tuple)):
            return [self.mask_values(v, is_secret=is_secret) for v in tree]
        if is_secret:
            return MASK if tree else tree
        return self.mask(tree) if isinstance(tree, str) else tree


def mask_values(tree: Any, secrets: Iterable[str] = ()) -> Any:
    """Copy a JSON-like tree, masked; `Masker` does it for many."""
    return Masker(secrets).mask_values(tree)


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
        found += [match["secret"] for match in _URL_PARAMETER.finditer(tree)]
        yield from (s for s in found if s and len(s) >= _LEAST_CHARACTERS)


def mask_urls(text: str) -> str:
    """Mask user names, passwords and secret-looking parameters of URLs."""
    # Every log line passes here, and few hold a URL.
    if "://" in text and "@" in text:
        text = _URL_USER.sub(f"://{MASK}@", text)
    has_parameters = "=" in text and ("?" in text or "&" in text or ";" in text)
    if has_parameters and _TELLING_NAME.search(text):
        text = _URL_PARAMETER.sub(_masked_parameter, text)
    return text


def _masked_parameter(match: re.Match[str]) -> str:
    whole = match[0]
    if match["secret"] is None:
        return whole
    return whole[: match.start("secret") - match.start()] + MASK


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Mask the given secrets in one text; `Masker` does it for many."""
    return Masker(secrets).mask(text)


def log_line(text: str, secrets: Iterable[str]) -> str:
    """Return one line for a log; `Masker` does it for many."""
    return Masker(secrets).log_line(text)


def host_of(url: str) -> str:
    """Return host and port of a URL, for messages."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or '?'}{port}"
    except ValueError:
        return "?"
