# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""All of one kind with all of another: every other pair by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet


def chessboard(
    rows: Iterable[Any],
    columns: Iterable[Any],
    name: Callable[[Any, Any], str],
    *,
    default: int = 0,
) -> list[ParameterSet]:
    """Return all pairs; those of one colour need `--thorough`.

    Args:
        default: 0 or 1, the colour of those that do not.
    """
    columns = list(columns)
    return [
        pytest.param(
            row,
            column,
            id=name(row, column),
            marks=[] if (at + of) % 2 == default else pytest.mark.thorough,
        )
        for at, row in enumerate(rows)
        for of, column in enumerate(columns)
    ]
