# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Rules that a JSON value keeps or breaks.

A rule is a function of a value and the place where it stands; it gives the
reason to refuse the value, or None. The reasons read as those of a JSON
Schema validator do, since it is such a one that speaks in TEN's log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Json = Any
Rule = Callable[[Json, str], str | None]

NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def refuse(why: str, place: str) -> str:
    return f"{why} @ {place or '/'}"


def anything(value: Json, place: str) -> str | None:
    return None


def boolean(value: Json, place: str) -> str | None:
    return None if isinstance(value, bool) else _not_of(value, "boolean", place)


def number(value: Json, place: str) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if is_number else _not_of(value, "number", place)


def text(
    pattern: str | None = None,
    *,
    among: Sequence[str] = (),
    is_filled: bool = False,
) -> Rule:
    """A text, all of which matches `pattern`."""
    expression = re.compile(pattern or "", re.ASCII)

    def rule(value: Json, place: str) -> str | None:
        if not isinstance(value, str):
            return _not_of(value, "string", place)
        if is_filled and not value:
            return refuse('"" is shorter than 1 character', place)
        if among and value not in among:
            return refuse(f"{_shown(value)} is not one of {_all(among)}", place)
        if pattern is not None and not expression.fullmatch(value):
            why = f'{_shown(value)} does not match "^{pattern}$"'
            return refuse(why, place)
        return None

    return rule


def integer(low: int | None = None, high: int | None = None) -> Rule:
    """A whole number from `low` to `high`; 1.0 is one, too."""

    def rule(value: Json, place: str) -> str | None:
        is_whole = isinstance(value, int) or (
            isinstance(value, float) and value.is_integer()
        )
        if isinstance(value, bool) or not is_whole:
            return _not_of(value, "integer", place)
        if low is not None and value < low:
            return refuse(f"{value} is less than {low}", place)
        if high is not None and value > high:
            return refuse(f"{value} is greater than {high}", place)
        return None

    return rule


def array(items: Rule, *, is_filled: bool = False) -> Rule:
    def rule(value: Json, place: str) -> str | None:
        if not isinstance(value, list):
            return _not_of(value, "array", place)
        if is_filled and not value:
            return refuse("[] has less than 1 item", place)
        return _first(
            items(item, f"{place}/{index}") for index, item in enumerate(value)
        )

    return rule


def record(
    members: Mapping[str, Rule],
    required: Sequence[str] = (),
    *,
    others: Rule | None = None,
) -> Rule:
    """An object with known members; others only where a rule is given."""

    def rule(value: Json, place: str) -> str | None:
        if not isinstance(value, dict):
            return _not_of(value, "object", place)
        for name in required:
            if name not in value:
                why = f"{_shown(name)} is a required property"
                return refuse(why, place)
        return _first(
            _member(members.get(name, others), name, member, place)
            for name, member in value.items()
        )

    return rule


def table(
    entries: Rule, names: str | None = None, *, is_filled: bool = False
) -> Rule:
    """An object whose members are all of one kind, with names to match."""
    expression = re.compile(names or "", re.ASCII)

    def rule(value: Json, place: str) -> str | None:
        if not isinstance(value, dict):
            return _not_of(value, "object", place)
        if is_filled and not value:
            return refuse("{} has less than 1 property", place)
        for name in value:
            if names is not None and not expression.fullmatch(name):
                return refuse(
                    f'{_shown(name)} does not match "^{names}$"', place
                )
        return _first(
            entries(member, f"{place}/{name}") for name, member in value.items()
        )

    return rule


def plain(value: Json, place: str) -> str | None:
    """Any JSON value but null, at any depth."""
    if value is None:
        return refuse(
            "null is not valid under any of the schemas listed", place
        )
    if isinstance(value, dict):
        return table(plain)(value, place)
    return array(plain)(value, place) if isinstance(value, list) else None


def every(*rules: Rule) -> Rule:
    def rule(value: Json, place: str) -> str | None:
        return _first(one(value, place) for one in rules)

    return rule


def some(*rules: Rule) -> Rule:
    """At least one of the rules is kept."""

    def rule(value: Json, place: str) -> str | None:
        reasons = [one(value, place) for one in rules]
        if None in reasons:
            return None
        why = f"{_shown(value)} is not valid under any of the schemas listed"
        return refuse(why, place)

    return rule


def exactly_one_of(*names: str) -> Rule:
    """Of these members an object has one."""

    def rule(value: Json, place: str) -> str | None:
        present = [name for name in names if name in value]
        if len(present) == 1:
            return None
        if not present:
            return refuse(f"one of {_all(names)} is required", place)
        return refuse(f"{_all(present)} exclude each other", place)

    return rule


def without(*names: str) -> Rule:
    """An object has none of these members."""

    def rule(value: Json, place: str) -> str | None:
        for name in names:
            if name in value:
                return refuse(f"{_shown(name)} is not allowed here", place)
        return None

    return rule


def _member(
    rule: Rule | None, name: str, value: Json, place: str
) -> str | None:
    if rule is None:
        why = "Additional properties are not allowed"
        return refuse(f"{why} ({_shown(name)} was unexpected)", place)
    return rule(value, f"{place}/{name}")


def _first(reasons: Any) -> str | None:
    return next((reason for reason in reasons if reason is not None), None)


def _not_of(value: Json, kind: str, place: str) -> str:
    return refuse(f'{_shown(value)} is not of type "{kind}"', place)


def _shown(value: Json) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def _all(names: Sequence[str]) -> str:
    return json.dumps(list(names))
