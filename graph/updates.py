# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What an update of the settings is answered with."""

from __future__ import annotations

from typing import Any

from ..config import GradiumTTSConfig
from ..core.setting_places import changed_names


def warnings_since(
    before: GradiumTTSConfig | None, after: GradiumTTSConfig
) -> list[str]:
    """List the warnings that are news."""
    known = before.warnings if before else ()
    return [text for text in after.warnings if text not in known]


def answer_to(
    before: GradiumTTSConfig | None, after: GradiumTTSConfig
) -> dict[str, Any]:
    """Say what an update changed.

    Returns:
        `changed`, the names of the settings whose value is another one now,
        `warnings`, and `message`, which says both in a sentence.
    """
    before = before or GradiumTTSConfig.model_validate({"params": {}})
    changed = changed_names(before.model_dump(), after.model_dump())
    warnings = warnings_since(before, after)
    told = f"changed {', '.join(changed)}" if changed else "nothing was changed"
    return {
        "message": "; ".join([told, *warnings]),
        "changed": changed,
        "warnings": warnings,
    }
