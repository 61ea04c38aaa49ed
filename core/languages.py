# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Languages: the vendor's bare codes, and how others write them."""

from __future__ import annotations

import re

# What the vendor speaks (its voice settings guide, "rewrite rules").
LANGUAGES = ("en", "fr", "de", "es", "pt")
# The only regions that have rules of their own.
_REGIONAL = ("fr-be", "fr-ch")
# A language, then script, region and the like: `en-US`, `zh_CN`, `zh-Hans-CN`.
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{2,8})*")


def code_of(written: str) -> str:
    """Return the vendor's code of a language, as the rest of TEN writes it.

    What is no language tag (a list of rules, say) stays as it is.
    """
    tag = _TAG.fullmatch(written.strip())
    if not tag:
        return written
    regional = tag[0].lower().replace("_", "-")
    return regional if regional in _REGIONAL else tag[1].lower()


def language_note(name: str, written: object) -> str:
    """Say that the vendor lacks a language; empty if it does not.

    Args:
        name: of the setting, for the message.
        written: its value; one of a wrong type is somebody else's business.
    """
    if not isinstance(written, str) or not written:
        return ""
    code = code_of(written)
    if code in LANGUAGES or code in _REGIONAL:
        return ""
    return (
        f"{name} is {code[:64]!r}, and Gradium has {', '.join(LANGUAGES)}; it"
        " goes to the vendor as it is"
    )
