# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Merges three ways: what was put in, what is there now, what is to be there.

Objects are merged member by member; everything else is one piece, which is
the user's as soon as it is not what was put in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .json_text import is_same


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Merged:
    """The outcome, and the places where the user's edit was kept."""

    value: Any
    kept: tuple[str, ...] = ()


def merge(
    base: Any, now: Any, ours: Any, *, force: bool = False, at: str = ""
) -> Merged:
    """Merge one value; `ABSENT` stands for none.

    Args:
        base: what was put in, `ABSENT` if nothing was.
        now: what is there.
        ours: what is to be there.
        force: whether ours wins over an edit; what the user added stays.
        at: the name of the place, for `kept`.
    """
    if isinstance(now, dict) and isinstance(ours, dict):
        earlier = base if isinstance(base, dict) else {}
        return _merge_objects(earlier, now, ours, force, at)
    if _is_one(now, ours):
        return Merged(now)
    if _is_one(now, base):
        return Merged(ours)
    if force and not (base is ABSENT and ours is ABSENT):
        return Merged(ours)
    # Edited since, or the user's own: neither is ours to change.
    is_edit = base is not ABSENT or ours is not ABSENT
    return Merged(now, (at,) if is_edit else ())


def _merge_objects(
    base: dict[str, Any],
    now: dict[str, Any],
    ours: dict[str, Any],
    force: bool,
    at: str,
) -> Merged:
    value: dict[str, Any] = {}
    kept: list[str] = []
    for key in {**now, **ours, **base}:
        member = merge(
            base.get(key, ABSENT),
            now.get(key, ABSENT),
            ours.get(key, ABSENT),
            force=force,
            at=f"{at}.{key}" if at else key,
        )
        kept += member.kept
        if member.value is not ABSENT:
            value[key] = member.value
    return Merged(value, tuple(kept))


def _is_one(one: Any, other: Any) -> bool:
    if one is ABSENT or other is ABSENT:
        return one is other
    return is_same(one, other)
