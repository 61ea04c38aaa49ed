# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Resolves `${env:NAME|default}` in a property tree."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .property_tree import Json

_PLACEHOLDER = re.compile(r"\$\{(.*)\}\Z", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class PlaceholderProblem(Exception):
    """A placeholder on which native TEN ends the process."""


class _NoScope(Exception):
    """A placeholder without a scope: the traversal ends there."""


def resolve(tree: Json, env: Mapping[str, str]) -> str | None:
    """Replace the placeholders in `tree`, in place, once.

    Only a text that is a placeholder from end to end counts. The result is
    always a text.

    Returns:
        A warning when a placeholder without scope ended the traversal.

    Raises:
        PlaceholderProblem: unset variable without default, unknown scope.
    """
    try:
        _walk(tree, env)
    except _NoScope as problem:
        return str(problem)
    return None


def _walk(here: Json, env: Mapping[str, str]) -> None:
    if isinstance(here, dict):
        places = list(here.items())
    else:
        places = list(enumerate(here))
    for key, value in places:
        if isinstance(value, dict | list):
            _walk(value, env)
        elif isinstance(value, str) and (match := _PLACEHOLDER.match(value)):
            here[key] = _value_of(match[1], env)


def _value_of(text: str, env: Mapping[str, str]) -> str:
    scope, colon, rest = text.partition(":")
    if not colon:
        raise _NoScope(f"placeholder without scope: ${{{text}}}")
    if scope != "env":
        raise PlaceholderProblem(
            f"unknown placeholder scope {scope!r} (TEN aborts the process)"
        )
    name, bar, default = rest.partition("|")
    if name in env:
        return env[name]
    if not bar:
        raise PlaceholderProblem(
            f"environment variable {name} is not set and has no default "
            "(TEN ends the process with exit code 1); write "
            f"${{env:{name}|}} to allow an empty value"
        )
    return _ESCAPE.sub(r"\1", default)
