# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What all settings have in common: frozen, strict, secrets never shown."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ..core.redact import mask_values, secrets_in


class Settings(BaseModel):
    """A group of settings: valid once built."""

    # Before pydantic 2.10 no field may be called `model_…`, as one of ours is.
    model_config = ConfigDict(frozen=True, strict=True, protected_namespaces=())

    def __repr__(self) -> str:
        """Show the settings, secrets masked."""
        tree = self.model_dump(exclude_unset=True)
        shown = mask_values(tree, list(secrets_in(tree)))
        return f"{type(self).__name__}({shown})"

    __str__ = __repr__


def number(
    default: float | None,
    least: float,
    most: float,
    description: str,
    *,
    is_above: bool = False,
) -> Any:
    """Declare a finite number from `least` (or above it) to `most`."""
    return Field(
        default,
        ge=None if is_above else least,
        gt=least if is_above else None,
        le=most,
        allow_inf_nan=False,
        description=description,
    )


def refuse(fault: str, kind: str = "both") -> None:
    """Make a finding of a sentence (see `sentence`), unless it is empty."""
    if fault:
        raise PydanticCustomError(kind, "{fault}", {"fault": fault})
